"""The harmless half of the data: sessions of several principals, everyday work with rare wishes among it. Seeded."""

from __future__ import annotations

from collections.abc import Sequence

from ..demo.story import Turn
from .script import GOOD, LISTING, NEXT, Ask, Script
from .tasks import KINDS, ODD, Pen, turn_of

__all__ = ["PRINCIPALS", "opened", "sessions"]

PRINCIPALS = ("ada", "barbara", "dennis", "grace")
_ODD = 0.07
_TURNS = (2, 5)
_UPDATED = 0.35
"""The share of the sessions before a new release of the desk server comes out."""


def sessions(pen: Pen, count: int, principals: Sequence[str] = PRINCIPALS) -> tuple[Script, ...]:
    """So many sessions, principals in turn. Each principal has work that it does more often than others do."""
    habits = {name: pen.chance.choices((1, 2, 4), k=len(KINDS)) for name in principals}
    return tuple(_session(pen, number, count, principals[number % len(principals)], habits) for number in range(count))


def _session(pen: Pen, number: int, count: int, principal: str, habits: dict[str, list[int]]) -> Script:
    kinds = [_kind(pen, habits[principal]) for _ in range(pen.chance.randint(*_TURNS))]
    turns = [turn_of(kind, pen) for kind in kinds]
    return Script(
        principal=principal,
        conversation=f"session-{number:04d}",
        turns=(opened(turns[0]), *turns[1:]),
        release=NEXT if number >= _UPDATED * count else GOOD,
        kinds=tuple(kinds),
    )


def opened(turn: Turn) -> Turn:
    """The first turn of a conversation, as agents begin it: by asking what tools there are."""
    return Turn(turn.goal, (Ask(LISTING, {}), *turn.steps))


def _kind(pen: Pen, weights: Sequence[int]) -> str:
    if pen.chance.random() < _ODD:
        return pen.pick(*ODD)
    return pen.chance.choices(tuple(KINDS), weights)[0]
