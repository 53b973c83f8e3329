"""The [dedup] of a rule: by what its findings are the same, and for how long. Without one, hygiene/keys.py says."""

from __future__ import annotations

from dataclasses import dataclass

from .table import Table

__all__ = ["PARTS", "Dedup", "read_dedup"]

PARTS = ("server", "owner", "workload", "tool", "principal", "conversation", "place")
_HOUR_S = 3600.0
_LEAST_S, _MOST_S = 300.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedup:
    """`by`: parts of a finding that must be equal; `place` is what was touched and where it led. `window_ns`: event
    time, between five minutes and a day, because what was told is kept by day."""

    by: tuple[str, ...]
    window_ns: int


def read_dedup(table: Table) -> Dedup:
    """Raises RuleError D02 for unknown parts and for a window out of bounds."""
    by = table.texts("by", need=True)
    if unknown := [part for part in by if part not in PARTS]:
        raise table.error(f"{table.at('by')}: unknown part {unknown[0]!r}", f"allowed: {', '.join(PARTS)}")
    window = table.get("window_s", float, _HOUR_S)
    if not _LEAST_S <= window <= _MOST_S:
        raise table.error(f"{table.at('window_s')} is {window:g}", f"between {_LEAST_S:g} and {_MOST_S:g} seconds")
    table.done()
    return Dedup(by=tuple(dict.fromkeys(by)), window_ns=int(window * 1e9))
