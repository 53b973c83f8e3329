"""The figures of the benchmark and their bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..report import Row
from ..rounds import median
from .contenders import BARE, QUIX, STOCK

__all__ = ["OURS", "PURE", "TWO", "calls", "noise"]

OURS, PURE, TWO = "stage 1", "stage 1 in Python", "stage 1, two workers"
_UNIT = "calls/CPU s"

Round = Mapping[str, float]
"""Calls per CPU second by contender."""


def calls(rounds: Sequence[Round]) -> Iterator[Row]:
    """Of the usual mix; a ratio is taken within each round."""
    there = rounds[0]
    for name in (BARE, STOCK, QUIX, PURE, TWO):
        if name in there:
            yield Row(name=name, value=_of(rounds, name), unit=_UNIT)
    yield Row(name=OURS, value=_of(rounds, OURS), unit=_UNIT, at_least=6_000)
    yield Row(name=f"{OURS} over {STOCK}", value=_ratio(rounds, OURS, STOCK), unit="times", at_least=3.0)
    yield Row(name=f"{OURS} of {BARE}", value=_ratio(rounds, OURS, BARE), unit="times", at_least=0.6)
    if QUIX in there:
        yield Row(name=f"{OURS} over {QUIX}", value=_ratio(rounds, OURS, QUIX), unit="times")
    yield Row(name="a call's CPU, two workers over one", value=_ratio(rounds, OURS, TWO), unit="times", at_most=1.1)


def noise(rounds: Sequence[Round]) -> Iterator[Row]:
    """Of the mix in which nine of ten execution events are of no interest."""
    for name in (BARE, OURS):
        yield Row(name=f"noise: {name}", value=_of(rounds, name), unit=_UNIT)
    yield Row(name=f"noise: {OURS} of {BARE}", value=_ratio(rounds, OURS, BARE), unit="times", at_least=1.0)


def _of(rounds: Sequence[Round], name: str) -> float:
    return median(rounds, lambda one: one[name])


def _ratio(rounds: Sequence[Round], name: str, other: str) -> float:
    return median(rounds, lambda one: one[name] / one[other])
