"""Ties kernel events to calls by the kernel's own order. Pure; refuses to guess one call among several.

Every begin and end of a call opens the next epoch of its server (the root). The kernel stamps each event with the epoch
of that instant and with the epoch its process was born in when a call was in flight then; here epochs are calls again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...models.events import Binding, CallRef
from .decode import KernelEvent
from .epochs import KEPT_EPOCHS, MOST_CALLS, Epochs, InFlight
from .marks import Marks

__all__ = ["Bindings", "Bound", "State"]

_MOST_BIRTHS = 4096


class State(NamedTuple):
    """What the kernel must know of a root."""

    epoch: int
    in_flight: int


class Bound(NamedTuple):
    """The calls an event may belong to, how sure that is, and what it rests on."""

    calls: tuple[CallRef, ...]
    binding: Binding
    evidence: str


_BACKGROUND = Bound((), "none", "background")
_FORGOTTEN = Bound((), "none", "epoch-forgotten")
_TOO_MANY = Bound((), "none", "too-many-in-flight")
_UNSEEN = Bound((), "none", "fork-unseen")


class _Birth(NamedTuple):
    """The calls a process may have been forked for; `marked` when only a marker told them apart."""

    calls: tuple[CallRef, ...]
    marked: bool


class _Late(NamedTuple):
    """A call that the server may have known before the kernel stamped it: between two times of CLOCK_MONOTONIC."""

    call: CallRef
    from_ns: int
    until_ns: int


@dataclass(slots=True)
class _Root:
    """What is known of one server. `births` holds the processes of which their fork tells more than the kernel's stamp:
    those of a marked thread, and those of a helper, which may have served later calls than its own (`fostered`)."""

    epochs: Epochs = field(default_factory=Epochs)
    marks: Marks = field(default_factory=lambda: Marks(KEPT_EPOCHS))
    births: OrderedDict[int, _Birth] = field(default_factory=OrderedDict)
    late: deque[_Late] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))


class Bindings:
    """Which calls were in flight in which epoch of which root. Roots are host process ids of leased servers."""

    def __init__(self) -> None:
        self._roots: dict[int, _Root] = {}
        self.beyond = 0  # calls begun that are not told apart

    def open(self, root: int) -> State:
        """Begin to keep book of `root`; what is already known of it stays."""
        return _state(self._roots.setdefault(root, _Root()).epochs)

    def begin(self, root: int, call: CallRef, request: str = "") -> State:
        """`call` is in flight from the returned epoch on. `request`: its JSON-RPC id as JSON text, where known."""
        known = self._roots[root]
        if not known.epochs.begin(call):
            self.beyond += 1
        elif request:
            known.marks.expect(call, request)
        return _state(known.epochs)

    def late(self, root: int, call: CallRef, from_ns: int, until_ns: int) -> None:
        """The begin of `call` came late: what the server did between these times may have been for it already."""
        self._roots[root].late.append(_Late(call, from_ns, until_ns))

    def end(self, root: int, call_id: str) -> State | None:
        """`call_id` is no longer in flight from the returned epoch on; None when it was not in flight."""
        epochs = self._roots[root].epochs
        return _state(epochs) if epochs.end(call_id) else None

    def end_all(self, root: int) -> State:
        epochs = self._roots[root].epochs
        epochs.end_all()
        return _state(epochs)

    def close(self, root: int) -> None:
        self._roots.pop(root, None)

    def bind(self, event: KernelEvent) -> Bound:
        """The calls of an event. Must see every event of a root in the kernel's order: forks tell of later events."""
        root = self._roots.get(event.root)
        if root is None:
            return _BACKGROUND
        now, birth = root.epochs.at(event.epoch), root.births.get(event.pid)
        if event.fostered and birth is None:  # its fork was lost, or is forgotten: the stamp alone may name another's
            return _UNSEEN
        born = root.epochs.at(event.born) if birth is None else InFlight(birth.calls)
        if birth is not None:
            root.births.move_to_end(event.pid)
        bound = _bound(now, born, alone=event.alone)
        if root.late and event.mono_ns <= root.late[-1].until_ns and not event.alone:
            bound = _with_late(bound, event.mono_ns, root.late)
        if birth is not None and birth.marked and bound.binding == "exact":
            bound = Bound(bound.calls, "cooperative", "forked-while-marked")
        if event.mark and now is not None and bound.binding == "candidates":
            bound = _marked(bound, root.marks.named(event.mark, now.calls))
        if event.kind == "fork":
            _remember(root, event, bound)
        return bound

    def resolve(self, root: int, epoch: int, born: int) -> Bound:
        """The calls of an event stamped with `epoch`, of a process born in `born` (0: outside any call), by the stamps
        alone."""
        known = self._roots.get(root)
        return _BACKGROUND if known is None else _bound(known.epochs.at(epoch), known.epochs.at(born), alone=False)


def _state(epochs: Epochs) -> State:
    return State(epochs.number, epochs.in_flight)


def _remember(root: _Root, event: KernelEvent, bound: Bound) -> None:
    """What the fork says of the child, where the kernel's stamp of it will not say the same."""
    child = event.result
    root.births.pop(child, None)  # a process id that is used again is another process
    stamped = root.epochs.at(event.born or event.epoch)
    is_fostered = event.fostered or (event.born and not event.alone)  # as the kernel will stamp the child
    if bound.calls and (is_fostered or stamped is None or stamped.calls != bound.calls):
        root.births[child] = _Birth(bound.calls, bound.binding == "cooperative")
        if len(root.births) > _MOST_BIRTHS:
            root.births.popitem(last=False)


def _bound(now: InFlight | None, birth: InFlight | None, *, alone: bool) -> Bound:
    if now is None or birth is None:
        return _FORGOTTEN
    if now.beyond or birth.beyond:
        return _TOO_MANY
    if not birth.calls:
        return _of_server(now)
    return _of_child(birth.calls, now.calls, alone=alone)


def _of_server(now: InFlight) -> Bound:
    return _one_or_several(now.calls, "leased") if now.calls else _BACKGROUND


def _of_child(birth: tuple[CallRef, ...], now: tuple[CallRef, ...], *, alone: bool) -> Bound:
    """A process forked under a call works for it. Unless it is `alone`, nothing having been said to it since, it may
    work for a later call too, as the workers of a pool do."""
    ended = not set(birth) <= set(now)
    later = tuple(call for call in now if call not in birth)
    if later and not alone:
        return Bound(birth + later, "candidates", "helper-of-an-earlier-call")
    if ended and not alone:
        return Bound(birth, "lineage" if len(birth) == 1 else "candidates", "forked-under-ended-call")
    return _one_or_several(birth, "forked-under-ended-call" if ended else "forked-under-call")


def _with_late(bound: Bound, at_ns: int, late: Iterable[_Late]) -> Bound:
    begun = (one.call for one in late if one.from_ns <= at_ns <= one.until_ns)
    calls = bound.calls + tuple(call for call in begun if call not in bound.calls)
    if calls == bound.calls or bound in (_FORGOTTEN, _TOO_MANY):
        return bound
    return Bound(calls, "window" if len(calls) == 1 else "candidates", "begun-late")


def _one_or_several(calls: tuple[CallRef, ...], evidence: str) -> Bound:
    return Bound(calls, "exact" if len(calls) == 1 else "candidates", evidence)


def _marked(bound: Bound, named: tuple[CallRef, ...]) -> Bound:
    """A marker is the server's own word: it may choose among its candidates, and nothing else."""
    chosen = tuple(call for call in named if call in bound.calls)
    if len(chosen) == 1:
        return Bound(chosen, "cooperative", "marked")
    return Bound(chosen, "candidates", "marked") if chosen else bound
