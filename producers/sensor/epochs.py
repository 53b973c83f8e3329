"""Which calls were in flight in each epoch of one server. Pure; memory and the cost of a look-up are bounded.

Every begin and end opens the next epoch. Kept are changes, and once a block the whole; old blocks are forgotten whole.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from ...models.events import CallRef

__all__ = ["KEPT_EPOCHS", "MOST_CALLS", "Epochs", "InFlight"]

MOST_CALLS = 256
KEPT_EPOCHS = 16384
_BLOCK = 64
_REMEMBERED = 64


class InFlight(NamedTuple):
    """Calls in the order they began, and how many more there were than MOST_CALLS."""

    calls: tuple[CallRef, ...] = ()
    beyond: int = 0


class _Change(NamedTuple):
    """A begin or an end; of a call beyond the bound only that it was one."""

    call: CallRef | None
    began: bool


@dataclass(slots=True)
class _Block:
    """Consecutive epochs: the first as a whole, the others as changes to it."""

    base: InFlight
    changes: list[_Change] = field(default_factory=list)

    def at(self, offset: int) -> InFlight:
        calls, beyond = {call.call_id: call for call in self.base.calls}, self.base.beyond
        for call, began in self.changes[:offset]:
            if call is None:
                beyond += 1 if began else -1
            elif began:
                calls[call.call_id] = call
            else:
                calls.pop(call.call_id)
        return InFlight(tuple(calls.values()), beyond)


class Epochs:
    """The epochs of one server, from 1 on: 0 is the kernel's word for no epoch."""

    def __init__(self) -> None:
        self.number = 1
        self._calls: dict[str, CallRef] = {}
        self._beyond = 0
        self._blocks: OrderedDict[int, _Block] = OrderedDict({0: _Block(InFlight())})
        self._known: dict[int, InFlight] = {}  # what was asked lately: an epoch never changes once it has begun

    @property
    def in_flight(self) -> int:
        return len(self._calls) + self._beyond

    def begin(self, call: CallRef) -> bool:
        """Whether `call` is told apart; beyond MOST_CALLS it only counts."""
        fits = call.call_id in self._calls or len(self._calls) < MOST_CALLS
        if fits:
            self._calls[call.call_id] = call
        else:
            self._beyond += 1
        self._turn(_Change(call if fits else None, began=True))
        return fits

    def end(self, call_id: str) -> bool:
        """Whether `call_id` was in flight. While some only count, an unknown one is taken for one of these."""
        call = self._calls.pop(call_id, None)
        if call is None and not self._beyond:
            return False
        if call is None:
            self._beyond -= 1
        self._turn(_Change(call, began=False))
        return True

    def end_all(self) -> None:
        for call_id in list(self._calls):
            self.end(call_id)
        while self._beyond:
            self.end("")

    def at(self, epoch: int) -> InFlight | None:
        """What was in flight in `epoch`; None when that is forgotten."""
        if not 0 < epoch <= self.number:
            return InFlight()
        known = self._known.get(epoch)
        if known is not None:
            return known
        index, offset = divmod(epoch - 1, _BLOCK)
        block = self._blocks.get(index)
        if block is None:
            return None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        return self._known.setdefault(epoch, block.at(offset))

    def _turn(self, change: _Change) -> None:
        self.number += 1
        index, offset = divmod(self.number - 1, _BLOCK)
        if offset:
            self._blocks[index].changes.append(change)
            return
        self._blocks[index] = _Block(InFlight(tuple(self._calls.values()), self._beyond))
        if len(self._blocks) > KEPT_EPOCHS // _BLOCK:
            self._blocks.popitem(last=False)
