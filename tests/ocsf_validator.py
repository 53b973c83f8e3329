"""A small OCSF validator over the slim schemas: types, requirements, enums with captions, at-least-one constraints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
PLAIN = {"boolean_t": (bool,), "integer_t": (int,), "long_t": (int,), "float_t": (int, float), "string_t": (str,)}

Problems = Callable[[dict[str, Any], str], list[str]]


@pytest.fixture(scope="session")
def ocsf_problems() -> Problems:
    """`ocsf_problems(event, version)`: what is wrong with an event of a class that we write, a sentence each."""
    return lambda event, version: list(Checker(schema(version), event).check())


@cache
def schema(version: str) -> dict[str, Any]:
    return json.loads((DATA / f"ocsf-{version}-slim.json").read_text())  # type: ignore[no-any-return]


@dataclass
class Checker:
    """Attributes of a profile are allowed, and required, only where metadata.profiles names the profile."""

    schema: dict[str, Any]
    event: dict[str, Any]

    def check(self) -> Iterator[str]:
        shape = next(known for known in self.schema["classes"].values() if known["uid"] == self.event["class_uid"])
        return self._record(self.event, shape, "")

    def _record(self, value: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at}: an object belongs here"
            return
        attributes = {name: known for name, known in shape["attributes"].items() if self._applies(known)}
        yield from (f"{at}.{name}: unknown attribute" for name in value if name not in attributes)
        for name, attribute in attributes.items():
            if name in value:
                yield from self._attribute(value, name, attribute, f"{at}.{name}")
            elif attribute["req"] == "required":
                yield f"{at}.{name}: required"
        options = shape.get("constraints", {}).get("at_least_one", ())
        if options and not any(name in value for name in options):
            yield f"{at}: at least one of {', '.join(options)}"

    def _applies(self, attribute: dict[str, Any]) -> bool:
        return attribute.get("profile") in (None, *self.event.get("metadata", {}).get("profiles", ()))

    def _attribute(self, owner: dict[str, Any], name: str, attribute: dict[str, Any], at: str) -> Iterator[str]:
        if attribute.get("array") and not isinstance(owner[name], list):
            yield f"{at}: a list belongs here"
            return
        objects, kind = self.schema["objects"], attribute["type"]
        for item in owner[name] if attribute.get("array") else [owner[name]]:
            yield from (
                self._record(item, objects[kind], at)
                if kind in objects and kind != "object"
                else self._scalar(item, kind, at)
            )
            if attribute.get("enum"):
                yield from _enum(item, attribute["enum"], owner.get(attribute.get("sibling", "")), at)

    def _scalar(self, value: Any, kind: str, at: str) -> Iterator[str]:
        if kind in ("json_t", "object"):
            return
        rules = self.schema["types"].get(kind, {})
        base = rules.get("type", kind)
        if not isinstance(value, PLAIN[base]) or (isinstance(value, bool) and base != "boolean_t"):
            yield f"{at}: {value!r} is no {kind}"
        elif "regex" in rules and not re.search(rules["regex"], value):
            yield f"{at}: {value!r} does not look like {kind}"
        elif "max_len" in rules and len(value) > rules["max_len"]:
            yield f"{at}: {value!r} is too long"
        elif "range" in rules and not rules["range"][0] <= value <= rules["range"][1]:
            yield f"{at}: {value!r} is out of range"


def _enum(item: Any, captions: dict[str, str], caption: Any, at: str) -> Iterator[str]:
    if str(item) not in captions:
        yield f"{at}: {item!r} is not in the enum"
    elif item != 99 and caption != captions[str(item)]:  # 99 is Other: its caption is free
        yield f"{at}: caption {caption!r}, expected {captions[str(item)]!r}"
