"""The ids of ATLAS, ATT&CK and OWASP that rules cite, with names. An id is never shown without its version."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Risk", "Technique", "known", "risk", "technique"]

TABLE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Technique:
    """One ATLAS or ATT&CK technique or sub-technique; tactics are pairs of id and name."""

    id: str
    name: str
    tactics: tuple[tuple[str, str], ...]
    version: str
    parent: Technique | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """One OWASP entry; `framework` is owasp_asi or owasp_mcp."""

    framework: str
    id: str
    name: str
    version: str


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text("utf-8"))


@cache
def technique(identifier: str) -> Technique | None:
    """The technique with an id such as AML.T0086 or T1552.001."""
    framework = _table()["atlas" if identifier.startswith("AML.") else "attack"]
    entry = framework["techniques"].get(identifier)
    if entry is None:
        return None
    tactics = tuple((tactic, framework["tactics"][tactic]) for tactic in entry[1])
    stem, _, tail = identifier.rpartition(".")
    parent = technique(stem) if tail.isdigit() else None
    return Technique(identifier, entry[0], tactics, framework["version"], parent)


@cache
def risk(tag: str) -> Risk | None:
    """The OWASP entry of a tag such as owasp_mcp:MCP01:2025."""
    framework, _, identifier = tag.partition(":")
    table = _table().get(framework, {})
    name = table.get("risks", {}).get(identifier)
    return Risk(framework, identifier, name, table["version"]) if name else None


def known(identifier: str) -> bool:
    """Whether the table has the id, as technique or as tag."""
    return technique(identifier) is not None or risk(identifier) is not None
