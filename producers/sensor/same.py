"""Equal events: what two of them must share to be told as one with a count. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from operator import attrgetter

from .binding import Bound
from .decode import LONG, KernelEvent
from .proof import UNPROVEN, Proof

__all__ = ["SUMS", "Same", "sameness"]

SUMS = frozenset({"flow", "io"})  # kinds that carry bytes

_NUMBERED = frozenset({"open", "accept", "listen", "connect"})  # their result is a descriptor, of no meaning beyond it
_OF_EACH = {"mono_ns", "tid", "ppid", "comm", "result", "epoch", "born", "peer", "bytes_out", "bytes_in", "mapped"}
_shared = attrgetter(*(each.name for each in fields(KernelEvent) if each.name not in _OF_EACH))


@dataclass(slots=True)
class Same:
    """Equal events, told as the first of them, sums as the last, with a count.

    Until `waits_until_ns` it is not told, because its proof is on the way. What came at `start_up` is only told when
    the proof speaks against it.
    """

    event: KernelEvent
    bound: Bound
    count: int
    proof: Proof = UNPROVEN
    waits_until_ns: int = 0
    start_up: bool = False

    def add(self, event: KernelEvent, count: int) -> None:
        self.count += count
        if event.kind in SUMS:
            before = self.event
            self.event = replace(
                event,
                bytes_out=min(before.bytes_out + event.bytes_out, LONG),
                bytes_in=min(before.bytes_in + event.bytes_in, LONG),
                mapped=min(before.mapped + event.mapped, LONG),
            )

    def prove(self, proof: Proof) -> None:
        self.proof = proof
        self.waits_until_ns = 0


def sameness(event: KernelEvent, bound: Bound) -> Hashable:
    """Equal for events that are told as one."""
    peer = event.peer
    result = 0 if event.kind in _NUMBERED and event.result >= 0 else event.result
    return _shared(event), result, (peer.address, peer.port, peer.protocol) if peer else None, bound
