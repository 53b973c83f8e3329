"""Baselines, remembered turns and the model in memory: what store.py keeps in Redis, for replays and tests. Pure.

Bounded like the other by what was seen longest ago, and every write may be repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..models.baseline import BaselineView, Support
from ..models.detections.engine import Addition
from ..models.detections.engine import Memory as Windows
from ..models.feedback import enough
from ..models.history import from_json
from ..models.hygiene import Note
from ..models.model import Model
from ..models.turn import Turn
from .known import Bounds, Known, Learn, Quarantine, Remember, Sampled, Told, Wanted
from .recent import Recent

__all__ = ["MemoryStore"]

_MOST_HELD = 5_000


@dataclass(slots=True)
class _Base:
    """What one server was seen by, and by whom each fact was shown."""

    sessions: set[str] = field(default_factory=set)
    principals: set[str] = field(default_factory=set)
    shown: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def learn(self, write: Learn) -> None:
        if write.counts:
            self.sessions.add(write.session)
            self.principals.add(write.principal)
        for key in write.keys:
            sessions, principals = self.shown.setdefault(key, (set(), set()))
            sessions.add(write.session)
            principals.add(write.principal)
            self.seen[key] = max(self.seen.get(key, 0), write.seen_ns // 1_000_000_000)

    def support(self, key: str) -> Support:
        sessions, principals = self.shown.get(key, ((), ()))
        return Support(len(sessions), len(principals))

    def evict(self, facts: int) -> None:
        surplus = len(self.seen) - facts
        if surplus <= 0:
            return
        for key in sorted(self.seen, key=lambda key: (self.seen[key], key))[:surplus]:
            del self.seen[key], self.shown[key]


class MemoryStore:
    """One for all partitions of a replay. `model`: the one to judge by until another is published."""

    def __init__(self, *, model: Model | None = None, bounds: Bounds | None = None) -> None:
        self._model = model
        self._bounds = bounds or Bounds()
        self._bases: dict[str, _Base] = {}
        self._turns: dict[str, Remember] = {}
        self._steps: dict[str, int] = {}
        self._ledger: dict[str, dict[str, bytes]] = {}
        self._windows = Windows()
        self._alike: dict[str, dict[str, Quarantine]] = {}
        self._held = Recent(_MOST_HELD)

    async def lookup(self, wanted: Wanted) -> Known:
        """The views of the wanted keys and the current model."""
        views = {}
        for server, keys in wanted.keys.items():
            base = self._bases.get(server) or _Base()
            supports = {key: base.support(key) for key in keys}
            views[server] = BaselineView(server, len(base.sessions), len(base.principals), supports)
        ledger = {name: dict(self._ledger.get(name, {})) for name in wanted.ledger}
        windows = {addition.place: self._windows.add(addition) for addition in wanted.additions}
        return Known(views, self._model, ledger, windows=windows)

    async def apply(self, writes: Sequence[Learn | Remember | Sampled | Quarantine | Told | Note | Addition]) -> None:
        """Carry the writes out. Doing it twice is doing it once. Nobody asks here for findings and samples."""
        for write in writes:
            if isinstance(write, Quarantine):
                self._held.add(write.turn)
                self._teach(self._released(write))
            elif isinstance(write, Addition):
                self._windows.add(write)
            elif isinstance(write, Note):
                self._ledger.setdefault(write.name, {})[write.field] = write.value
            elif not isinstance(write, Told) and write.turn not in self._held:
                self._teach([write])

    def _teach(self, lessons: Iterable[Learn | Remember | Sampled]) -> None:
        for lesson in lessons:
            if isinstance(lesson, Remember):
                self._turns[lesson.turn] = lesson
            elif isinstance(lesson, Learn):
                base = self._bases.setdefault(lesson.server, _Base())
                base.learn(lesson)
                base.evict(self._bounds.facts)
        surplus = len(self._turns) - self._bounds.turns
        if surplus > 0:
            for turn in sorted(self._turns.values(), key=lambda turn: (turn.started_ns, turn.turn))[:surplus]:
                del self._turns[turn.turn]

    def _released(self, held: Quarantine) -> list[Learn | Remember | Sampled]:
        """What is learned because enough principals did the same."""
        if not held.by_score:
            return []
        alike = self._alike.setdefault(held.alike, {})
        alike[held.turn] = held
        if not enough(one.principal for one in alike.values()):
            return []
        return [lesson for one in alike.values() for lesson in one.lessons]

    async def sessions(self) -> dict[str, int]:
        """How many sessions each server was seen by."""
        return {server: len(base.sessions) for server, base in self._bases.items() if base.sessions}

    async def turns(self) -> list[Turn]:
        """The remembered turns."""
        return [from_json(turn.body) for turn in self._turns.values()]

    async def publish(self, model: Model, steps: Mapping[str, int]) -> None:
        """Make this the current model."""
        self._model, self._steps = model, dict(steps)

    async def trained_steps(self) -> dict[str, int]:
        """The steps that the current model was published with."""
        return dict(self._steps)

    @asynccontextmanager
    async def training(self) -> AsyncIterator[bool]:
        """Always: nobody else trains here."""
        yield True
