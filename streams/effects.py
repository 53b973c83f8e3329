"""The effects of one call, bounded: what matters least goes first, and is counted. Pure.

Harmless effects go before those that touch something sensitive or reach outside, later ones before earlier ones, so
that fillers cannot push a theft out, and what stays does not depend on the order of arrival.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol, get_args

from ..models.events import Binding, ExecutionKind
from ..models.lazy import Envelope
from ..models.lazy_events import LazyEvent, head_of, option

__all__ = ["MAX_EFFECTS", "Bound", "Effects", "Held", "Judge"]

MAX_EFFECTS = 512
_MAX_BYTES = 256 * 1024  # of argv and paths of one call, so that its record stays far below a broker's limit
_CHANGE = bytes([2 * get_args(ExecutionKind).index("change")])
_WRITES = os.O_ACCMODE << 1  # of the flags' first byte as Avro writes it, behind that of path_source
_OUTSIDE = frozenset(("outside", "metadata"))


class Judge(Protocol):
    """Classes of paths and destinations; models/sensitivity.py answers them."""

    def path(self, path: str) -> str | None: ...

    def written(self, path: str) -> str | None: ...

    def destination(self, address: str) -> str: ...


class Bound(NamedTuple):
    """One kernel event with its place in time and how it was tied to a call. `source` is <batch id>#<index> and
    `evidence` a text, both as they stand on the wire; `batch` is the envelope it came in."""

    event: LazyEvent
    batch: Envelope
    wall_ns: int
    source: bytes
    binding: Binding
    candidates: tuple[str, ...]
    evidence: bytes


class Held(NamedTuple):
    """One effect as it is kept, in little memory: written but for the byte between `head` and `tail`, which says
    whether one of its `digests` was declared. `source` comes behind `tail`."""

    mono_ns: int
    source: bytes
    binding: Binding
    batch: Envelope
    head: bytes
    tail: bytes
    digests: bytes
    rank: Rank
    stands_for: int


Rank = tuple[bool, int, bytes]
"""Whether an effect is notable, its time counted backwards, its source: what goes first is the least."""


class Effects:
    """What was taken, each effect once."""

    __slots__ = ("_bytes", "_held", "_judge", "_last", "_least", "dropped", "turns")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._held: dict[bytes, Held] = {}
        self._bytes = 0
        self._least: list[Rank] | None = None  # a heap, once the bound bites
        self._last = ""
        self.dropped = 0
        self.turns = 0
        """How often one notable thing followed another: something sensitive, then the outside, or the other way."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def first_source(self) -> str:
        return min(self._held, default=b"").decode("latin-1")

    def in_order(self) -> list[Held]:
        """By time, then source."""
        return sorted(self._held.values())

    def add(self, bounds: Iterable[Bound]) -> list[Bound]:
        """Those that are new."""
        new = [bound for bound in bounds if bound.source not in self._held]
        for bound in new:
            self._add(bound)
        return new

    def _class(self, event: LazyEvent, path: str) -> str | None:
        known = self._judge.path(path)
        if known is None and (event.kind == _CHANGE or event.opened[1] & _WRITES):
            return self._judge.written(path)
        return known

    def _add(self, bound: Bound) -> None:
        event, source = bound.event, bound.source
        body = event.body
        sensitivity = self._class(event, body.path) if body.path else None
        destination = self._judge.destination(body.address) if body.address else None
        rank = (sensitivity is not None or destination in _OUTSIDE, -event.mono_ns, source)
        if self._least and len(self._held) >= MAX_EFFECTS and rank < self._least[0]:
            self.dropped += body.stands_for  # it would be the first to go
            return
        if rank[0]:
            self._note("sensitive" if sensitivity is not None else "outside")
        head = head_of(event, bound.wall_ns, bound.binding, bound.candidates, bound.evidence)
        tail = option(sensitivity) + option(destination) + body.last
        held = Held(event.mono_ns, source, bound.binding, bound.batch, head, tail, body.digests, rank, body.stands_for)
        self._held[source] = held
        self._bytes += len(head)
        if self._least is not None:
            heappush(self._least, rank)
        if len(self._held) > MAX_EFFECTS or self._bytes > _MAX_BYTES:
            self._drop()

    def _note(self, what: str) -> None:
        self.turns += what != self._last
        self._last = what

    def _drop(self) -> None:
        if self._least is None:
            self._least = [held.rank for held in self._held.values()]
            heapify(self._least)
        while len(self._held) > MAX_EFFECTS or self._bytes > _MAX_BYTES:
            *_, source = heappop(self._least)
            dropped = self._held.pop(source)
            self._bytes -= len(dropped.head)
            self.dropped += dropped.stands_for
