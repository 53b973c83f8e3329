"""The lock file: a rule cannot change without a new version, because its verdicts are quoted by id and version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

import orjson

from .rule import Rule
from .rulebook import BUILT_IN

__all__ = ["LOCK", "Locked", "locked", "problems", "read_lock"]

LOCK = BUILT_IN / "rules.lock.json"


class Locked(TypedDict):
    version: int
    sha256: str


def locked(rules: Iterable[Rule]) -> bytes:
    """The lock file for these rules."""
    entries = {rule.id: Locked(version=rule.version, sha256=rule.digest) for rule in rules}
    return orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def read_lock(file: Path = LOCK) -> dict[str, Locked]:
    entries: dict[str, Locked] = orjson.loads(file.read_bytes())
    return entries


def problems(rules: Iterable[Rule], lock: Mapping[str, Locked]) -> list[str]:
    """What the lock objects to, a sentence each; empty when rules and lock agree."""
    found = []
    by_id = {rule.id: rule for rule in rules}
    found += [f"{identifier} is locked but gone" for identifier in lock if identifier not in by_id]
    for identifier, rule in by_id.items():
        entry = lock.get(identifier)
        if entry is None:
            found.append(f"{identifier} is not in the lock")
        elif entry["sha256"] != rule.digest and entry["version"] >= rule.version:
            found.append(f"{identifier} changed: raise its version above {entry['version']}")
        elif entry != Locked(version=rule.version, sha256=rule.digest):
            found.append(f"{identifier} has a new version: write the lock again")
    return found
