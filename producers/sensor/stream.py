"""What is told of one workload: equal events as one, hot files as counts, no more a second than its budget. Pure.

Refuses to lose count: what is not listed stands in `summarised`, `rate_limited` or `lost` of the next batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from ...models.identity import Workload
from .binding import Bound
from .budget import Budget
from .decode import KernelEvent
from .identity.identity import Identity
from .repeats import Repeats
from .same import SUMS, Same, sameness

__all__ = ["MOST_HELD", "Stream", "Uncounted"]

MOST_HELD = 5_000  # events kept back for a name: with paths of 4 KB, 25 MB


@dataclass(slots=True)
class Uncounted:
    """What the next batch says beside its events."""

    summarised: int = 0
    limited: int = 0
    lost: int = 0
    lost_from_ns: int = 0


@dataclass(slots=True)
class Stream:
    """Pending facts of one workload. `budget` is its own; `is_sensitive` tells what no budget may drop."""

    workload: Workload
    producer: str
    budget: Budget
    is_sensitive: Callable[[KernelEvent], bool]
    identity: Identity = field(default_factory=Identity)
    roots: set[int] = field(default_factory=set)
    sequence: int = 0
    watermark: int = 0  # every event before it was sent
    held_until_ns: int = 0
    beside: Uncounted = field(default_factory=Uncounted)
    _pending: dict[Hashable, Same] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)

    def share(self, workload: Workload) -> None:
        """Speak for `workload` too: of several containers of a pod, no batch names one."""
        if workload.container_id != self.workload.container_id:
            self.workload = replace(self.workload, container_id=None)
            self.identity = replace(self.identity, container=None, image=None, image_name=None)

    def take(self, event: KernelEvent, bound: Bound, count: int) -> Same | None:
        """What is new of the event, if anything: it can be made to wait for a proof."""
        if event.mono_ns < self.watermark and event.kind in SUMS:
            event = replace(event, mono_ns=self.watermark)  # its last byte is older than the reading that found it
        key = sameness(event, bound)
        same = self._pending.get(key)
        if same is not None:
            same.add(event, count)
        elif event.kind != "open" or not self._repeats.take(key, event, bound, count):
            same = self._pending[key] = Same(event, bound, count)
            return same
        return None

    def release(self) -> None:
        """Wait for no more proofs."""
        for same in self._pending.values():
            same.waits_until_ns = 0

    def lose(self, count: int, since_ns: int) -> None:
        self.beside.lost += count
        self.beside.lost_from_ns = min(self.beside.lost_from_ns or since_ns, since_ns)

    def is_held(self, mono_ns: int) -> bool:
        """Whether nothing may be told yet, because the workload has no name yet."""
        return mono_ns < self.held_until_ns and len(self._pending) < MOST_HELD

    def advance(self, mono_ns: int) -> int:
        """Go on to the next batch. The time it may promise: `mono_ns`, or before what waits for a proof."""
        waiting = (same.event.mono_ns - 1 for same in self._pending.values() if same.waits_until_ns)
        self.watermark = max(self.watermark, min(mono_ns, min(waiting, default=mono_ns)))
        self.sequence += 1
        return self.watermark

    def drain(self, mono_ns: int, is_current: Callable[[KernelEvent], bool]) -> list[Same]:
        """What to list in the batch of `mono_ns`, in order of time; what is over the budget is counted."""
        waiting = {key: same for key, same in self._pending.items() if same.waits_until_ns > mono_ns}
        ready = [(key, same) for key, same in self._pending.items() if key not in waiting]
        ready += self._repeats.due(mono_ns, self.watermark, is_current)
        self._pending = waiting
        listed = [(key, same) for key, same in sorted(ready, key=_time) if self._is_listed(same)]
        for key, same in listed:
            if same.event.kind == "open":
                self._repeats.told(key, same.event, mono_ns, same.proof)
        return [same for _, same in listed]

    def beside_events(self) -> Uncounted:
        """What stands beside the events of the last batch of a flush. It is told once."""
        told, self.beside = self.beside, Uncounted()
        return told

    def _is_listed(self, same: Same) -> bool:
        if same.start_up and not same.proof.writable:
            self.beside.summarised += same.count
        elif self.budget.take(same.event.kind, same.event.mono_ns) or self.is_sensitive(same.event):
            return True
        else:
            self.beside.limited += same.count
        return False


def _time(pending: tuple[Hashable, Same]) -> int:
    return pending[1].event.mono_ns
