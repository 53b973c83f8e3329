"""The harmless half of the data: sessions of several principals and agents, everyday work with rare wishes among it.
Seeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from ..demo.story import Turn
from .books import BOOKS
from .pen import Pen, Task
from .script import ASSISTANT, GOOD, LISTING, NEXT, Ask, Script
from .servers import HTTP, STDIO
from .tasks import KINDS, ODD

__all__ = ["AGENTS", "PRINCIPALS", "Agent", "agents_for", "opened", "sessions"]

PRINCIPALS = ("ada", "barbara", "dennis", "grace", "linus", "margaret")
_ODD = 0.08
_TURNS = (2, 5)
_UPDATED = 0.35
"""The share of the sessions before a new release of the desk server comes out."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One kind of agent: what it is used for, and the servers that this takes."""

    name: str
    kinds: tuple[str, ...]
    servers: frozenset[str]


_OPERATING = (
    "services",
    "index",
    "pack",
    "review",
    "branch",
    "check settings",
    "compare settings",
    "file away",
    "measure",
)
AGENTS = (
    Agent(ASSISTANT, tuple(KINDS), frozenset({*STDIO, HTTP})),
    Agent("bookkeeper", tuple(BOOKS), frozenset({"database", HTTP})),
    Agent("operator", _OPERATING, frozenset({"desk", "files", "git"})),
)
_OFTEN = (3, 1, 1)  # of five sessions


def sessions(
    pen: Pen, count: int, principals: Sequence[str] = PRINCIPALS, own: Mapping[str, Task] = MappingProxyType({})
) -> tuple[Script, ...]:
    """So many sessions, principals in turn. Each principal has work that it does more often than others do; `own` work
    is done by the assistant beside its other work."""
    tasks = {**KINDS, **own}
    agents = [replace(agent, kinds=(*agent.kinds, *own)) if agent.name == ASSISTANT else agent for agent in AGENTS]
    habits = [dict(zip(tasks, pen.chance.choices((1, 2, 4), k=len(tasks)), strict=True)) for _ in principals]
    made = []
    for number in range(count):
        at, (agent,) = number % len(principals), pen.chance.choices(agents, _OFTEN)
        kinds = [_kind(pen, agent, habits[at]) for _ in range(pen.chance.randint(*_TURNS))]
        turns = [({**tasks, **ODD})[kind](pen) for kind in kinds]
        made.append(_session(principals[at], agent.name, number, kinds, turns, updated=number >= _UPDATED * count))
    return tuple(made)


def agents_for(servers: set[str]) -> list[Agent]:
    """Those that use these servers in their everyday work; the assistant uses all there are."""
    return [agent for agent in AGENTS if agent.name == ASSISTANT or servers <= agent.servers]


def _session(
    principal: str, agent: str, number: int, kinds: Sequence[str], turns: Sequence[Turn], *, updated: bool
) -> Script:
    return Script(
        principal=principal,
        agent=agent,
        conversation=f"session-{number:04d}",
        turns=(opened(turns[0]), *turns[1:]),
        release=NEXT if updated else GOOD,
        kinds=tuple(kinds),
    )


def opened(turn: Turn) -> Turn:
    """The first turn of a conversation, as agents begin it: by asking the server what tools there are."""
    first = turn.steps[0]
    server = first.server if isinstance(first, Ask) else Ask(LISTING, {}).server
    return Turn(turn.goal, (Ask(LISTING, {}, server), *turn.steps))


def _kind(pen: Pen, agent: Agent, habits: Mapping[str, int]) -> str:
    if pen.chance.random() < _ODD:
        return pen.pick(*ODD)
    return pen.chance.choices(agent.kinds, [habits[kind] for kind in agent.kinds])[0]
