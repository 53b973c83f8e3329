"""A small OCSF validator over the slim schemas: types, requirements, enums with captions, at-least-one constraints.

Attributes of a profile are known, but required only where metadata.profiles names that profile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
PRIMITIVES: dict[str, tuple[type, ...]] = {
    "boolean_t": (bool,), "integer_t": (int,), "long_t": (int,), "float_t": (int, float), "string_t": (str,),
}  # fmt: skip


@cache
def schema(version: str) -> dict[str, Any]:
    return json.loads((DATA / f"ocsf-{version}-slim.json").read_text())  # type: ignore[no-any-return]


def problems(event: dict[str, Any], version: str) -> list[str]:
    """What is wrong with a Detection Finding, a sentence each."""
    profiles = set(event.get("metadata", {}).get("profiles", ()))
    return list(_record(event, schema(version)["classes"]["detection_finding"], "", profiles, schema(version)))


def _record(value: Any, shape: dict[str, Any], at: str, profiles: set[str], book: dict[str, Any]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: an object belongs here"
        return
    attributes = {
        name: attribute for name, attribute in shape["attributes"].items()
        if attribute.get("profile") is None or attribute["profile"] in profiles
    }  # fmt: skip
    yield from (f"{at}.{name}: unknown attribute" for name in value if name not in attributes)
    for name, attribute in attributes.items():
        if name in value:
            yield from _attribute(value, name, attribute, f"{at}.{name}", profiles, book)
        elif attribute["req"] == "required":
            yield f"{at}.{name}: required"
    options = shape.get("constraints", {}).get("at_least_one", ())
    if options and not any(name in value for name in options):
        yield f"{at}: at least one of {', '.join(options)}"


def _attribute(
    owner: dict[str, Any], name: str, attribute: dict[str, Any], at: str, profiles: set[str], book: dict[str, Any]
) -> Iterator[str]:
    value = owner[name]
    if attribute.get("array") and not isinstance(value, list):
        yield f"{at}: a list belongs here"
        return
    for item in value if attribute.get("array") else [value]:
        if attribute["type"] in book["objects"] and attribute["type"] != "object":
            yield from _record(item, book["objects"][attribute["type"]], at, profiles, book)
        else:
            yield from _scalar(item, attribute["type"], at, book)
        captions = attribute.get("enum")
        if captions:
            caption = owner.get(attribute.get("sibling", ""))
            if str(item) not in captions:
                yield f"{at}: {item!r} is not in the enum"
            elif caption != captions[str(item)] and item != 99:
                yield f"{at}: caption {caption!r}, expected {captions[str(item)]!r}"


def _scalar(value: Any, kind: str, at: str, book: dict[str, Any]) -> Iterator[str]:
    if kind in ("json_t", "object"):
        return
    rules = book["types"].get(kind, {})
    base = rules.get("type", kind)
    if not isinstance(value, PRIMITIVES[base]) or (isinstance(value, bool) and base != "boolean_t"):
        yield f"{at}: {value!r} is no {kind}"
    elif isinstance(value, str) and (
        len(value) > rules.get("max_len", len(value)) or not re.search(rules.get("regex", ""), value)
    ):
        yield f"{at}: {value!r} does not look like {kind}"
    elif "range" in rules and not rules["range"][0] <= value <= rules["range"][1]:
        yield f"{at}: {value!r} is out of range"
