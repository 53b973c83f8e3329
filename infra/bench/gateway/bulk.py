"""What must neither be lost nor stay in memory: results of 10 MB, and 200 HTTP calls at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..cost import rss_mb
from ..report import Row
from .answers import answer
from .contender import Contender
from .sample import Opened
from .traffic import call, page_call

__all__ = ["Amount", "concurrent", "large"]

CONCURRENT = 200
# An allocator that has seen the largest message once needs nothing more for the next; pages it returns late are noise.
_GROWTH_MB = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Of characters in a result, of results after the first few, and of waves of 200 calls after the first few."""

    size: int
    results: int
    waves: int


def large(transport: str, ours: Contender, amount: Amount, tell: Callable[[str], None]) -> list[Row]:
    """One large result after the other, each compared with what the server sent."""

    def lost(opened: Opened, number: int) -> int:
        request = page_call(number, amount.size)
        return opened.ask(request) != answer(request)

    what = f"{transport} ours: {amount.size / 1e6:.3g} MB results"
    tell(what)
    return _growth(what, ours, amount.results, lost)


def concurrent(ours: Contender, amount: Amount, tell: Callable[[str], None]) -> list[Row]:
    """Waves of 200 connections with a call each; every reply has to come."""

    def lost(opened: Opened, number: int) -> int:
        opened.at_once([call(number * CONCURRENT + each) for each in range(CONCURRENT)], CONCURRENT)
        return 0  # a reply that does not come ends the benchmark

    what = f"http ours: {CONCURRENT} concurrent calls"
    tell(what)
    return _growth(what, ours, amount.waves, lost)


def _growth(what: str, ours: Contender, times: int, step: Callable[[Opened, int], int]) -> list[Row]:
    """How much was lost in all steps, and how much memory the later half of them added."""
    with ours.open() as opened:
        lost = sum(step(opened, number) for number in range(100, 100 + times))
        before = rss_mb(opened.pid)
        lost += sum(step(opened, number) for number in range(100 + times, 100 + 2 * times))
        after = rss_mb(opened.pid)
    return [
        Row(name=f"{what}, lost or altered", value=lost, unit="", at_most=0),
        Row(name=f"{what}, memory added by the later {times}", value=after - before, unit="MB", at_most=_GROWTH_MB),
        Row(name=f"{what}, memory after all", value=after, unit="MB"),
    ]
