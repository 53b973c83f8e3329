"""A hot file is one event and a count: opens that repeat one told lately are counted, and told once a second. Pure.

Refuses to carry a count over into another epoch: it is told while the calls it belongs to are still open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from .binding import Bound
from .decode import KernelEvent
from .proof import Proof
from .same import Same

__all__ = ["Repeats"]

_SPAN_NS = 1_000_000_000
_MOST = 4096
_LONGEST = 256  # bytes of a path: 4,096 of them of 4 KB each would be the memory of the sensor


@dataclass(slots=True)
class _Hot:
    told_ns: int
    proof: Proof
    more: Same | None = None  # what came since


class Repeats:
    """The events of one workload that were told within the last second, least recently used first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._hot: OrderedDict[Hashable, _Hot] = OrderedDict()
        self._counted: dict[Hashable, Same] = {}  # those of them that were repeated

    def take(self, key: Hashable, event: KernelEvent, bound: Bound, count: int) -> bool:
        """Whether `event` repeats one told lately; then it is counted here."""
        hot = self._hot.get(key)
        if hot is None or (hot.more is None and event.mono_ns - hot.told_ns >= _SPAN_NS):
            return False
        self._hot.move_to_end(key)
        if hot.more is None:
            self._counted[key] = hot.more = Same(event, bound, count, hot.proof)
        else:
            hot.more.count += count
        return True

    def told(self, key: Hashable, event: KernelEvent, mono_ns: int, proof: Proof) -> None:
        """Note that `event` was told, with its proof, in the batch of `mono_ns`. One with a very long path is told
        every time."""
        if len(event.path or b"") > _LONGEST:
            return
        self._hot[key] = _Hot(mono_ns, proof)
        self._hot.move_to_end(key)

    def due(
        self, mono_ns: int, since_ns: int, is_current: Callable[[KernelEvent], bool]
    ) -> list[tuple[Hashable, Same]]:
        """Counts to tell in the batch of `mono_ns`, none dated before `since_ns`, the batch before it."""
        over = {
            key
            for key, more in self._counted.items()
            if mono_ns - self._hot[key].told_ns >= _SPAN_NS or not is_current(more.event)
        }
        for key in over:
            self._hot[key].more = None
        while len(self._hot) > self._most:
            over.add(self._hot.popitem(last=False)[0])
        found = [(key, self._counted.pop(key)) for key in over if key in self._counted]
        for _, more in found:
            if more.event.mono_ns < since_ns:
                more.event = replace(more.event, mono_ns=since_ns)
        return found
