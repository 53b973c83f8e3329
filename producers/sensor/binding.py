"""Ties kernel events to calls by the kernel's own order. Pure; refuses to guess one call among several.

Every begin and end of a call opens the next epoch of its server (the root). The kernel stamps each event with the epoch
of that instant and with the epoch its process was born in when a call was in flight then; here epochs are calls again.
"""

from __future__ import annotations

from typing import NamedTuple

from ...models.events import Binding, CallRef
from .epochs import Epochs, InFlight

__all__ = ["Bindings", "Bound", "State"]


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


class Bindings:
    """Which calls were in flight in which epoch of which root. Roots are host process ids of leased servers."""

    def __init__(self) -> None:
        self._roots: dict[int, Epochs] = {}
        self.beyond = 0  # calls begun that are not told apart

    def open(self, root: int) -> State:
        """Begin to keep book of `root`; what is already known of it stays."""
        return _state(self._roots.setdefault(root, Epochs()))

    def begin(self, root: int, call: CallRef) -> State:
        """`call` is in flight from the returned epoch on."""
        epochs = self._roots[root]
        if not epochs.begin(call):
            self.beyond += 1
        return _state(epochs)

    def end(self, root: int, call_id: str) -> State | None:
        """`call_id` is no longer in flight from the returned epoch on; None when it was not in flight."""
        epochs = self._roots[root]
        return _state(epochs) if epochs.end(call_id) else None

    def end_all(self, root: int) -> State:
        epochs = self._roots[root]
        epochs.end_all()
        return _state(epochs)

    def close(self, root: int) -> None:
        self._roots.pop(root, None)

    def resolve(self, root: int, epoch: int, born: int) -> Bound:
        """The calls of an event stamped with `epoch`, of a process born in `born` (0: outside any call)."""
        epochs = self._roots.get(root)
        if epochs is None:
            return _BACKGROUND
        now, birth = epochs.at(epoch), epochs.at(born)
        if now is None or birth is None:
            return _FORGOTTEN
        if now.beyond or birth.beyond:
            return _TOO_MANY
        return _of_child(birth.calls, now.calls) if birth.calls else _of_server(now)


def _state(epochs: Epochs) -> State:
    return State(epochs.number, epochs.in_flight)


def _of_server(now: InFlight) -> Bound:
    return _one_or_several(now.calls, "leased") if now.calls else _BACKGROUND


def _of_child(birth: tuple[CallRef, ...], now: tuple[CallRef, ...]) -> Bound:
    """A process forked under a call may work for it, or, once that call has ended, for any that came later."""
    if set(birth) <= set(now):
        return _one_or_several(birth, "forked-under-call")
    later = tuple(call for call in now if call not in birth)
    if later:
        return Bound(birth + later, "candidates", "helper-of-an-earlier-call")
    return Bound(birth, "lineage" if len(birth) == 1 else "candidates", "forked-under-ended-call")


def _one_or_several(calls: tuple[CallRef, ...], evidence: str) -> Bound:
    return Bound(calls, "exact" if len(calls) == 1 else "candidates", evidence)
