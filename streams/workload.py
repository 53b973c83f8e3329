"""What the join knows of one workload beside its calls: how far the sensor reported, what was lost, which calls were
open when. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from ..models.events import Placement
from ..models.lazy import LazyBatch, LazyMessage
from ..models.specialised import Raw
from .opencall import OpenCall

__all__ = ["Workload", "offset_ns"]

_ended: Final = attrgetter("to_ns")
_started: Final = attrgetter("started_ns")
_in_order: Final = attrgetter("started_ns", "call_id")  # of calls that began together none comes first by its arrival


def offset_ns(batch: LazyBatch) -> int | None:
    """Epoch minus monotonic time on the batch's host, by the batch's own pair of clocks; None where it has none."""
    mono_ns = batch.envelope.mono_ns
    return batch.wall_ns - mono_ns if mono_ns else None


@dataclass(frozen=True, slots=True)
class _Loss:
    from_ns: int
    to_ns: int
    facts: int


@dataclass(slots=True, eq=False)
class Workload:
    """Spans of one workload. Times are epoch nanoseconds."""

    server: Raw = LazyMessage().server  # the one heard of last: background effects are its own
    placement: Placement | None = None
    reported_ns: int = 0
    last_ns: int = 0
    _blinded_ns: int | None = None  # since when it is blinded now
    _blinded: list[tuple[int, int]] = field(default_factory=list)
    _losses: list[_Loss] = field(default_factory=list)
    _unleased: list[OpenCall] = field(default_factory=list)

    def report(self, batch: LazyBatch) -> None:
        """A batch or heartbeat says: every effect before it was sent."""
        self.reported_ns = max(self.reported_ns, batch.wall_ns)
        self.last_ns = max(self.last_ns, batch.wall_ns)
        if batch.envelope.status == "blinded":
            self._blinded_ns = min(batch.wall_ns, self._blinded_ns or batch.wall_ns)
        elif batch.envelope.status == "start" and self._blinded_ns is not None:
            self._blinded.append((self._blinded_ns, batch.wall_ns))
            self._blinded_ns = None
        self.placement = batch.envelope.placement or self.placement
        lost = batch.envelope.lost_before + batch.envelope.rate_limited  # told by number only
        since_ns, offset = batch.envelope.lost_from_ns, offset_ns(batch)
        if lost:
            from_ns = since_ns + offset if since_ns and offset is not None else batch.wall_ns
            insort(self._losses, _Loss(from_ns, batch.wall_ns, lost), key=_ended)

    def hear(self, event: LazyMessage) -> None:
        self.last_ns = max(self.last_ns, event.wall_ns)
        self.server = event.server
        if event.lost_before:
            insort(self._losses, _Loss(event.wall_ns, event.wall_ns, event.lost_before), key=_ended)

    def watch(self, call: OpenCall) -> None:
        """Bind by time what no sensor stamps: calls of the client whose server is under no lease, and got them."""
        request = call.request
        if request is None or request.action == "blocked":
            return
        if request.lease != "granted" and request.direction != "server_to_client":
            self._unleased = [known for known in self._unleased if known is not call]
            insort(self._unleased, call, key=_started)

    def drop(self, call: OpenCall) -> None:
        """Forget a call before its time."""
        at = bisect_left(self._unleased, call.started_ns, key=_started)
        while at < len(self._unleased) and self._unleased[at].started_ns == call.started_ns:
            if self._unleased[at] is call:
                del self._unleased[at]
                return
            at += 1

    def open_between(self, from_ns: int, to_ns: int, slack_ns: int) -> list[OpenCall]:
        """The calls under no lease that were in flight between two times, give or take `slack_ns`, by their start."""
        behind = bisect_right(self._unleased, to_ns + slack_ns, key=_started)
        near = [call for call in self._unleased[:behind] if call.running or from_ns <= call.ended_ns + slack_ns]
        return sorted(near, key=_in_order)

    def blinded_between(self, from_ns: int, to_ns: int) -> bool:
        """Whether the sensor's programs were detached at any time between."""
        now = self._blinded_ns is not None and self._blinded_ns <= to_ns
        return now or any(since <= to_ns and from_ns <= until for since, until in self._blinded)

    def lost_between(self, from_ns: int, to_ns: int) -> int:
        behind = bisect_left(self._losses, from_ns, key=_ended)
        return sum(loss.facts for loss in self._losses[behind:] if loss.from_ns <= to_ns)

    def forget(self, before_ns: int, gaps_before_ns: int) -> bool:
        """Drop calls that ended before, and gaps in what was seen; True when nothing is left to remember."""
        self._losses = self._losses[bisect_left(self._losses, gaps_before_ns, key=_ended) :]
        self._blinded = [span for span in self._blinded if span[1] >= gaps_before_ns]
        self._unleased = [call for call in self._unleased if call.closed_ns is None or call.ended_ns >= before_ns]
        return not (self._losses or self._blinded or self._unleased) and self.last_ns < before_ns
