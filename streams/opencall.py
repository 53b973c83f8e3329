"""What is known of one call while it may still change: its messages, its effects, the chunks they stand in. Pure.

Merging is free of order and of repetition: the same facts give the same call however they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..models.events import CallRef
from ..models.lazy import LazyMessage
from ..models.lazy_effects import text
from .effects import Bound, Effects
from .pins import Pin

__all__ = ["OpenCall"]

_NOTHING: Final = LazyMessage().tools
_MOST_TURNS: Final = 4
_REPLIES: Final = frozenset(("response", "error", "transport"))


class OpenCall:
    """One call, or the background effects of a workload in one span of time (`background`). `origin` is where its
    request stands, `long` the bytes of its messages that know no small bound, `weight` what weigh() said last."""

    __slots__ = (
        *("amend_ns", "anomalies", "background", "call_id", "closed_ns", "correlation_id", "early", "effects"),
        *("first_ns", "last_ns", "long", "origin", "pins", "reply", "request", "revision", "segments", "weight"),
        "workload",
    )

    def __init__(
        self, call_id: str, correlation_id: str, workload: str, wall_ns: int, effects: Effects, *, background: bool
    ) -> None:
        self.call_id = call_id
        self.correlation_id = correlation_id
        self.workload = workload
        self.first_ns = self.last_ns = wall_ns
        self.effects = effects
        self.background = background
        self.request: LazyMessage | None = None
        self.reply: LazyMessage | None = None
        self.anomalies: set[str] = set()
        self.pins: set[Pin] = set()
        self.origin: Pin | None = None
        self.revision = 0
        self.early = 0
        self.segments = 0
        self.long = 0
        self.weight = 0
        self.closed_ns: int | None = None
        self.amend_ns: int | None = None

    @property
    def part(self) -> bool:
        """Whether facts of a call are here but not the call: its request was never seen, or is behind a restart."""
        return self.request is None and not self.background

    @property
    def started_ns(self) -> int:
        return self.request.wall_ns if self.request else self.first_ns

    @property
    def ended_ns(self) -> int:
        return max(self.started_ns, self.reply.wall_ns) if self.reply else self.last_ns

    @property
    def ref(self) -> CallRef:
        return CallRef(call_id=self.call_id, correlation_id=self.correlation_id)

    @property
    def running(self) -> bool:
        return self.reply is None and self.closed_ns is None

    @property
    def unwritten(self) -> bool:
        """Whether no revision of it is out."""
        return self.revision == 0 and self.closed_ns is None

    @property
    def news(self) -> int:
        """What is known of the call that rules need not wait for its end to judge; it only grows, up to a bound."""
        described = self.reply is not None and self.reply.tools != _NOTHING
        return min(self.effects.turns, _MOST_TURNS) + described + bool(self.anomalies)

    def runs_at(self, wall_ns: int, slack_ns: int) -> bool:
        """Whether the call was in flight at that time, give or take `slack_ns`."""
        return self.started_ns <= wall_ns + slack_ns and (self.running or wall_ns <= self.ended_ns + slack_ns)

    def keep(self, pin: Pin) -> None:
        """Need this chunk again after a crash, until the call is written."""
        if pin not in self.pins:
            pin.hold()
            self.pins.add(pin)

    def let_go(self) -> tuple[Pin, ...]:
        """The pins that need not be held any longer once the call is written; each was held once. A request that is
        read again after a crash must find its effects again, else they would be missing from the call."""
        pins = tuple(self.pins)
        self.pins.clear()
        if self.origin is not None:
            for pin in pins:
                self.origin.lead(pin)
        return pins

    def weigh(self) -> int:
        """By how much more it holds than at the last time: itself, its effects, and KiB of both."""
        before, self.weight = self.weight, 1 + self.effects.weight + self.long // 1024
        return self.weight - before

    def take_message(self, event: LazyMessage) -> None:
        """The request, a reply or a transport incident. Of two requests the more deeply inspected one speaks."""
        self._seen_at(event.wall_ns)
        self.long += len(event.arguments) + len(event.tools) + len(event.listing) + len(event.sql)
        self.anomalies.update(event.anomalies)
        self.correlation_id = self.correlation_id or event.correlation_id
        if event.kind == "request":
            self.request = max(filter(None, (self.request, event)), key=lambda one: (one.inspected, one.event_id))
        elif event.kind in _REPLIES:
            replies = filter(None, (self.reply, event))
            self.reply = min(replies, key=lambda one: (one.kind == "transport", one.wall_ns, one.event_id))

    def take_effects(self, bounds: Iterable[Bound]) -> int:
        """How many of them are new."""
        new = self.effects.add(bounds)
        for bound in new:
            self._seen_at(bound.wall_ns)
        return len(new)

    @property
    def declared(self) -> tuple[bytes, ...]:
        """Digests of what the arguments name, as they stand on the wire."""
        named = self.request.named if self.request else ()
        return tuple(text(digest) for argument in named for digest in argument.digests if digest)

    def _seen_at(self, wall_ns: int) -> None:
        self.first_ns = min(self.first_ns, wall_ns)
        self.last_ns = max(self.last_ns, wall_ns)
