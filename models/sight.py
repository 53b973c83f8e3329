"""How far somebody looked at where the values of a turn come from: not at all, into results, or into the prompt too.

Each sight tells what the one before it tells, and more; a turn can be looked at with less than was told of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from .events import ArgumentFact, Call
from .sources import prompt_told
from .turn import Turn

__all__ = ["SIGHTS", "Sight", "seen_with", "sight_of"]

Sight = Literal["calls", "result", "prompt"]
SIGHTS: tuple[Sight, ...] = ("calls", "result", "prompt")


def sight_of(calls: Iterable[Call]) -> Sight:
    """The sight of a turn: the farthest that any of its calls was looked at with."""
    return max(map(_sight, calls), key=SIGHTS.index, default="calls")


def seen_with(turn: Turn, sight: Sight) -> Turn:
    """The turn as it would have been told of with this sight, or less where less was told."""
    if sight == "prompt" or SIGHTS.index(sight_of(turn.calls)) <= SIGHTS.index(sight):
        return turn
    return replace(turn, calls=tuple(_lowered(call, sight) for call in turn.calls))


def _sight(call: Call) -> Sight:
    if prompt_told(call):
        return "prompt"
    return "result" if any(fact.origin != "unknown" for fact in call.arguments) else "calls"


def _lowered(call: Call, sight: Sight) -> Call:
    arguments = tuple(_lowered_fact(fact, sight) for fact in call.arguments)
    return replace(call, arguments=arguments, coverage=replace(call.coverage, agent=False))


def _lowered_fact(fact: ArgumentFact, sight: Sight) -> ArgumentFact:
    if sight == "calls":
        return replace(fact, origin="unknown", origin_call=None)
    if fact.origin == "prompt":
        return replace(fact, origin="none" if fact.origin_call is None else "result")
    return fact
