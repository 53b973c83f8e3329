"""Approved tool definitions: a JSON file of digests, written from a live list, held against every later list.

Only digests (facts/definitions.py) are kept, so a pin file shows no text of a definition and its diff in a review
names the field that changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ....models.errors import TriptychError
from ....models.text import clean
from ..facts.budget import Budget
from ..facts.definitions import tool_definitions

__all__ = ["Pin", "PinError", "PinFile", "Pins", "pin"]

_FORMAT = 1
_HINT = "write it with: triptych gateway pin"
_MOST_BYTES = 16 << 20


class PinError(TriptychError):
    """A pin file that cannot be used, or a list of tools that cannot be pinned."""

    code = "G20"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One tool as it was approved; SHA-256 in hexadecimal, as in ToolDefinition."""

    digest: str
    description_digest: str
    input_digest: str
    output_digest: str
    annotations_digest: str

    def differs(self, other: Pin) -> tuple[str, ...]:
        """The fields in which `other` is not this one, for example `description`; `definition` where no field tells."""
        names = tuple(
            item.name.removesuffix("_digest")
            for item in fields(self)
            if getattr(self, item.name) != getattr(other, item.name)
        )
        return tuple(name for name in names if name != "digest") or (("definition",) if names else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """The approved tools of one server by name. `version` is what the server claimed when they were pinned."""

    server: str
    version: str
    tools: Mapping[str, Pin]

    @classmethod
    def of(cls, server: str, version: str, tools: Iterable[Mapping[str, Any]]) -> Pins:
        """Pins of all pages of a live tools/list. Raises PinError where one name stands for two definitions."""
        found: dict[str, Pin] = {}
        for tool in tools:
            name = tool.get("name")
            if not isinstance(name, str):
                raise PinError("the server lists a tool without a name", "such a list cannot be approved")
            if found.setdefault(name, pin(tool)) != pin(tool):
                raise PinError(f"the server lists {clean(name)} twice, differently", "such a list cannot be approved")
        return cls(server=server, version=version, tools=found)

    @classmethod
    def load(cls, file: Path) -> Pins:
        """Raises PinError for anything but a pin file."""
        try:
            with file.open("rb") as source:
                plain = json.loads(source.read(_MOST_BYTES))
            if plain["format"] != _FORMAT:
                raise ValueError(f"format {plain['format']!r} is not {_FORMAT}")
            tools = {name: _stored(digests) for name, digests in plain["tools"].items()}
            return cls(server=str(plain["server"]), version=str(plain["version"]), tools=tools)
        except OSError as error:
            raise PinError(f"the pins {file} cannot be read: {error.strerror}", _HINT) from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise PinError(f"{file} is no pin file: {error}", _HINT) from error

    def save(self, file: Path) -> None:
        """Replaces the file as a whole, so that no gateway reads half of it."""
        plain = {"format": _FORMAT, "server": self.server, "version": self.version}
        tools = {name: asdict(self.tools[name]) for name in sorted(self.tools)}
        text = json.dumps({**plain, "tools": tools}, indent=2, ensure_ascii=True) + "\n"
        aside = file.with_name(f".{file.name}.{os.getpid()}.new")
        try:
            aside.write_text(text)
            aside.replace(file)
        except OSError as error:
            raise PinError(f"the pins {file} cannot be written: {error.strerror}", "choose another file") from error


class PinFile:
    """The pins of a file, read again only when it was replaced: pinning anew needs no restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mark = self._stamp()
        self.pins = Pins.load(file)

    def renewed(self) -> Pins | None:
        """The pins, where the file is another one by now and can be read; the known ones stay in force otherwise."""
        mark = self._stamp()
        if mark == self._mark:
            return None
        try:
            self.pins = Pins.load(self._file)
        except PinError:
            return None
        self._mark = mark
        return self.pins

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns


def pin(tool: Mapping[str, Any]) -> Pin:
    """The digests of one entry of a tools/list result, which has a name."""
    budget = Budget()
    budget.characters = budget.scalars = 0  # digests only: no text is read
    (definition,) = tool_definitions([tool], budget, str)
    return Pin(
        digest=definition["digest"],
        description_digest=definition["description_digest"],
        input_digest=definition["input_digest"],
        output_digest=definition["output_digest"],
        annotations_digest=definition["annotations_digest"],
    )


def _stored(digests: Mapping[str, Any]) -> Pin:
    if not all(isinstance(digest, str) for digest in digests.values()):
        raise ValueError("a digest is no text")
    return Pin(**digests)
