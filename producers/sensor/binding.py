"""Ties kernel events to calls by the kernel's own order. Pure; refuses to guess one call among several.

Every begin and end of a call opens the next epoch of its server (the root). The kernel stamps each event with the epoch
of that instant and with the epoch its process was born in when a call was in flight then; here epochs are calls again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from ...models.events import Binding, CallRef

__all__ = ["Bindings", "Bound", "State"]

_KEPT_EPOCHS = 16384


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


@dataclass(slots=True)
class _Root:
    epoch: int = 1  # 0 is the kernel's word for "no epoch"
    calls: dict[str, CallRef] = field(default_factory=dict)
    kept: OrderedDict[int, tuple[CallRef, ...]] = field(default_factory=OrderedDict)  # only epochs with calls
    forgotten: int = 0  # the newest epoch that is no longer kept

    def turn(self) -> State:
        self.epoch += 1
        if self.calls:
            self.kept[self.epoch] = tuple(self.calls.values())
        if len(self.kept) > _KEPT_EPOCHS:
            self.forgotten, _ = self.kept.popitem(last=False)
        return State(self.epoch, len(self.calls))


class Bindings:
    """Which calls were in flight in which epoch of which root. Roots are host process ids of leased servers."""

    def __init__(self) -> None:
        self._roots: dict[int, _Root] = {}

    def open(self, root: int) -> State:
        """Begin to keep book of `root`; what is already known of it stays."""
        known = self._roots.setdefault(root, _Root())
        return State(known.epoch, len(known.calls))

    def begin(self, root: int, call: CallRef) -> State:
        """`call` is in flight from the returned epoch on."""
        known = self._roots[root]
        known.calls[call.call_id] = call
        return known.turn()

    def end(self, root: int, call_id: str) -> State | None:
        """`call_id` is no longer in flight from the returned epoch on; None when it was not in flight."""
        known = self._roots[root]
        if known.calls.pop(call_id, None) is None:
            return None
        return known.turn()

    def end_all(self, root: int) -> State:
        known = self._roots[root]
        known.calls.clear()
        return known.turn()

    def close(self, root: int) -> None:
        self._roots.pop(root, None)

    def resolve(self, root: int, epoch: int, born: int) -> Bound:
        """The calls of an event stamped with `epoch`, of a process born in `born` (0: outside any call)."""
        known = self._roots.get(root)
        if known is None:
            return _BACKGROUND
        decisive = born or epoch
        calls = known.kept.get(decisive)
        if calls is None:
            return _FORGOTTEN if 0 < decisive <= known.forgotten else _BACKGROUND
        evidence = "forked-under-call" if born else "leased"
        return Bound(calls, "exact" if len(calls) == 1 else "candidates", evidence)
