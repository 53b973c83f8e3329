"""Scores to figures with their bars. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..report import Row
from .judge import METHODS, Run, Score, score

__all__ = ["LEASED", "Case", "is_bound", "rows"]

LEASED = ("serialised", "pooled")
_OWN = "triptych"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which server, how it was asked, and how many calls were in flight."""

    server: str
    mode: str
    in_flight: int

    @property
    def name(self) -> str:
        return f"{self.server}, {self.mode}, {self.in_flight} in flight"


def is_bound(case: Case) -> bool:
    """Whether the bars hold for it: no epoch tells a thread of an earlier call from a later call."""
    return case.server != "ours, stray"


def rows(runs: Mapping[Case, Run]) -> list[Row]:
    """Of each case, what our bindings reach, and beside it what the naive joins make of the same events."""
    return [row for case, run in runs.items() for row in (*_ours(case, run), *_naive(case, run))]


def _ours(case: Case, run: Run) -> Iterator[Row]:
    found, bar = score([run], _OWN), 100.0 if is_bound(case) else None
    yield _row(case, "effects", found.effects, "")
    yield Row(name=f"{case.name}: unseen", value=run.unseen, unit="", at_most=0)
    yield _row(case, "truth among the calls said", found.recall, "%", least=bar)
    yield _row(case, "precision", found.precision, "%")
    for level, count in sorted(found.levels.items()):
        yield _row(case, f"share {level}", 100 * count / max(1, found.effects), "%")
    yield Row(
        name=f"{case.name}: wrong exact", value=found.wrong["exact"], unit="", at_most=0 if is_bound(case) else None
    )
    if case.mode in LEASED or (case.mode == "passive" and case.in_flight == 1 and is_bound(case)):
        yield _row(case, "exact and right", _right(found, "exact"), "%", least=100)
    if case.mode == "marked":
        yield _row(case, "told apart and right", _right(found, "exact", "cooperative"), "%", least=100)


def _naive(case: Case, run: Run) -> Iterator[Row]:
    for method in (name for name in METHODS if name != _OWN):
        found = score([run], method)
        yield _row(case, f"{method}: precision", found.precision, "%")
        yield _row(case, f"{method}: recall", found.recall, "%")
        yield _row(case, f"{method}: one call said, and wrong", found.certain_wrong, "")


def _right(found: Score, *levels: str) -> float:
    return found.share(*levels) - 100 * sum(found.wrong[level] for level in levels) / max(1, found.effects)


def _row(case: Case, figure: str, value: float, unit: str, least: float | None = None) -> Row:
    return Row(name=f"{case.name}: {figure}", value=value, unit=unit, at_least=least)
