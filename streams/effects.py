"""The effects of one call, bounded: what matters least goes first, and is counted. Pure.

Harmless effects go before those that touch something sensitive or reach outside, later ones before earlier ones, so
that fillers cannot push a theft out, and what stays does not depend on the order of arrival.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Final, Protocol, get_args

from ..models.events import Binding, ExecutionKind
from ..models.lazy import Envelope
from ..models.lazy_effects import head_of, option
from ..models.lazy_events import Body, LazyEvent
from ..models.native import mypyc_attr

__all__ = ["MAX_EFFECTS", "Bound", "Classes", "Effects", "Held", "Judge"]

MAX_EFFECTS: Final = 512
_MAX_BYTES: Final = 256 * 1024  # of argv and paths of one call, so that its record stays far below a broker's limit
_CHANGE: Final = bytes([2 * get_args(ExecutionKind).index("change")])
_WRITES: Final = os.O_ACCMODE << 1  # of the flags' first byte as Avro writes it, behind that of path_source
_OUTSIDE: Final = frozenset(("outside", "metadata"))
_REMEMBERED: Final = 8192
_LONG: Final = 1024
_PLACE: Final = attrgetter("place")


class Judge(Protocol):
    """Classes of paths and destinations; models/sensitivity.py answers them."""

    def path(self, path: str) -> str | None: ...

    def written(self, path: str) -> str | None: ...

    def destination(self, address: str) -> str: ...


@mypyc_attr(acyclic=True)
class Bound:
    """One kernel event with its place in time and how it was tied to a call. `source` is <batch id>#<index> and
    `evidence` a text, both as they stand on the wire; `batch` is the envelope it came in."""

    __slots__ = ("batch", "binding", "candidates", "event", "evidence", "source", "wall_ns")

    def __init__(  # noqa: PLR0917 - written out, as it is compiled
        self,
        event: LazyEvent,
        batch: Envelope,
        wall_ns: int,
        source: bytes,
        binding: Binding,
        candidates: tuple[str, ...],
        evidence: bytes,
    ) -> None:
        self.event = event
        self.batch = batch
        self.wall_ns = wall_ns
        self.source = source
        self.binding = binding
        self.candidates = candidates
        self.evidence = evidence

    def tied(self, binding: Binding, candidates: tuple[str, ...], evidence: bytes) -> Bound:
        """The same event, tied in another way."""
        return Bound(self.event, self.batch, self.wall_ns, self.source, binding, candidates, evidence)


@mypyc_attr(acyclic=True)
class Held:
    """One effect as it is kept, in little memory: written but for the byte between `head` and `tail`, which says
    whether one of its `digests` was declared. `source` comes behind `tail`."""

    __slots__ = ("batch", "binding", "body", "head", "mono_ns", "notable", "source", "tail")

    def __init__(self, bound: Bound, head: bytes, tail: bytes, *, notable: bool) -> None:
        self.mono_ns = bound.event.mono_ns
        self.source = bound.source
        self.binding = bound.binding
        self.batch = bound.batch
        self.body = bound.event.body
        self.head = head
        self.tail = tail
        self.notable = notable

    @property
    def digests(self) -> tuple[bytes, ...]:
        return self.body.digests

    @property
    def place(self) -> tuple[int, bytes]:
        """Where it stands among the others."""
        return self.mono_ns, self.source

    @property
    def rank(self) -> Rank:
        return self.notable, -self.mono_ns, self.source


Rank = tuple[bool, int, bytes]
"""Whether an effect is notable, its time counted backwards, its source: what goes first is the least."""


@mypyc_attr(acyclic=True)
class Class:
    """What a judge says of a body: whether it touches something `sensitive`, whether it is `notable` at all (that, or
    contact outside), and both as they stand at the end of an effect, the bytes of count and detail included."""

    __slots__ = ("notable", "sensitive", "tail")

    def __init__(self, sensitivity: str | None, destination: str | None, last: bytes) -> None:
        self.sensitive = sensitivity is not None
        self.notable = self.sensitive or destination in _OUTSIDE
        self.tail = option(sensitivity) + option(destination) + last


class Classes:
    """A judge that remembers: bodies are shared by the events that repeat them."""

    __slots__ = ("_judge", "_read", "_written")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._read: dict[Body, Class] = {}
        self._written: dict[Body, Class] = {}

    def of(self, event: LazyEvent) -> Class:
        writes = event.body.kind == _CHANGE or event.opened[1] & _WRITES != 0
        known = self._written if writes else self._read
        found = known.get(event.body)
        if found is None:
            found = self._judged(event.body, writes=writes)
            if len(event.body.named) + len(event.body.traffic) <= _LONG:  # longer ones are not shared
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[event.body] = found
        return found

    def _judged(self, body: Body, *, writes: bool) -> Class:
        sensitivity = self._judge.path(body.path) if body.path else None
        if sensitivity is None and writes and body.path:
            sensitivity = self._judge.written(body.path)
        destination = self._judge.destination(body.address) if body.address else None
        return Class(sensitivity, destination, body.last)


class Effects:
    """What was taken, each effect once."""

    __slots__ = ("_bytes", "_classes", "_held", "_last", "_least", "dropped", "turns")

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
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
    def weight(self) -> int:
        """How many there are, and KiB of them."""
        return len(self._held) + self._bytes // 1024

    @property
    def first_source(self) -> str:
        return min(self._held, default=b"").decode("latin-1")

    def in_order(self) -> list[Held]:
        """By time, then source."""
        held = list(self._held.values())
        return held if _in_order(held) else sorted(held, key=_PLACE)

    def add(self, bounds: Iterable[Bound]) -> list[Bound]:
        """Those that are new."""
        new = [bound for bound in bounds if bound.source not in self._held]
        for bound in new:
            self._add(bound)
        return new

    def _add(self, bound: Bound) -> None:
        event = bound.event
        kind = self._classes.of(event)
        if self._least and len(self._held) >= MAX_EFFECTS:
            rank = (kind.notable, -event.mono_ns, bound.source)
            if rank < self._least[0]:
                self.dropped += event.body.stands_for  # it would be the first to go
                return
        if kind.notable:
            self._note("sensitive" if kind.sensitive else "outside")
        head = head_of(event, bound.wall_ns, bound.binding, bound.candidates, bound.evidence)
        held = Held(bound, head, kind.tail, notable=kind.notable)
        self._held[bound.source] = held
        self._bytes += len(head)
        if self._least is not None:
            heappush(self._least, held.rank)
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
            self.dropped += dropped.body.stands_for


def _in_order(held: list[Held]) -> bool:
    """Whether each is later than the one before, as they mostly come."""
    before = -1
    for one in held:
        if one.mono_ns <= before:
            return False
        before = one.mono_ns
    return True
