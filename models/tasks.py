"""Kinds of tasks, found without labels: turns that use alike tools with alike values of the prompt.

Leader clustering: a turn joins the most alike leader at a Jaccard similarity of 0.4 or more, else it leads a kind of
its own. Turns of different sets of servers are never alike. The order of the turns decides who leads.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from .baseline import action_of, tool_key, value_key
from .events import ArgumentFact
from .turn import Turn

__all__ = ["Tasks", "share_of_new"]

_ALIKE = 0.4
_SHORT = 60  # characters; longer values are content, not what the task is about


class Tasks:
    """The kinds seen so far, numbered from 0."""

    def __init__(self) -> None:
        self.count = 0
        self._leaders: dict[tuple[str, ...], list[tuple[int, frozenset[str]]]] = defaultdict(list)

    def find(self, turn: Turn) -> int | None:
        """The kind of a turn, None where it is like none before."""
        marks = _marks(turn)
        found = ((_alike(marks, leader), -kind) for kind, leader in self._leaders[_servers(turn)])
        similarity, kind = max(found, default=(0.0, 0))
        return -kind if similarity >= _ALIKE else None

    def join(self, turn: Turn) -> int:
        """The kind of a turn; it leads a new one where it is like none before."""
        kind = self.find(turn)
        if kind is None:
            kind, self.count = self.count, self.count + 1
            self._leaders[_servers(turn)].append((kind, _marks(turn)))
        return kind


def share_of_new(kinds: Iterable[int]) -> float:
    """How likely the next turn is of a kind never seen: the share of the kinds that were seen once (Good 1953)."""
    seen: Mapping[int, int] = Counter(kinds)
    return sum(times == 1 for times in seen.values()) / max(sum(seen.values()), 1)


def _servers(turn: Turn) -> tuple[str, ...]:
    return tuple(sorted(turn.servers))


def _marks(turn: Turn) -> frozenset[str]:
    """Tools, and short values of the prompt; where no prompt was told, all short values."""
    values = [(action_of(call), fact) for call in turn.calls for fact in call.arguments]
    prompted = [(tool, fact) for tool, fact in values if fact.origin == "prompt"] or values
    tools = {tool_key(action_of(call)) for call in turn.calls}
    return frozenset(tools.union(*(_values(tool, fact) for tool, fact in prompted)))


def _values(tool: str, fact: ArgumentFact) -> list[str]:
    return [value_key(tool, fact.pointer, digest) for digest in fact.digests] if fact.size <= _SHORT else []


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / max(len(one) + len(other) - both, 1)
