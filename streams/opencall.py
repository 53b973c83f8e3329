"""What is known of one call while it may still change: its messages, its effects, the chunks they stand in. Pure.

Merging is free of order and of repetition: the same facts give the same call however they arrive.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..models.events import Binding, ExecutionBatch, ExecutionEvent, ProtocolEvent
from .stage import Pin

__all__ = ["MAX_EFFECTS", "Bound", "OpenCall"]

MAX_EFFECTS = 512
_MAX_TEXT = 256 * 1024  # characters of argv and paths of one call, so that its record stays far below a broker's limit

_REPLIES = frozenset(("response", "error", "transport"))


@dataclass(frozen=True, slots=True)
class Bound:
    """One kernel event with its place in time and how it was tied to a call. `source` is <batch id>#<index>."""

    event: ExecutionEvent
    batch: ExecutionBatch
    wall_ns: int
    source: str
    binding: Binding
    candidates: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(slots=True, eq=False)
class OpenCall:
    """One call, or the background effects of a workload in one span of time (`background`)."""

    call_id: str
    workload: str
    first_ns: int
    last_ns: int
    correlation_id: str = ""
    background: bool = False
    request: ProtocolEvent | None = None
    reply: ProtocolEvent | None = None
    anomalies: set[str] = field(default_factory=set)
    effects: dict[str, Bound] = field(default_factory=dict)
    effects_dropped: int = 0
    pins: set[Pin] = field(default_factory=set)
    revision: int = 0
    segments: int = 0
    closed_ns: int | None = None
    amend_ns: int | None = None
    _text: int = 0

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

    def keep(self, pin: Pin) -> None:
        if pin not in self.pins:
            pin.hold()
            self.pins.add(pin)

    def let_go(self) -> tuple[Pin, ...]:
        """The pins that need not be held any longer once the call is written; each was held once."""
        pins = tuple(self.pins)
        self.pins.clear()
        return pins

    def take_message(self, event: ProtocolEvent) -> None:
        """The request, a reply or a transport incident. Of two requests the more deeply inspected one speaks."""
        self._seen_at(event.wall_ns)
        self.anomalies.update(event.anomalies)
        self.correlation_id = self.correlation_id or event.correlation_id
        if event.kind == "request":
            self.request = max(filter(None, (self.request, event)), key=lambda one: (one.inspected, one.event_id))
        elif event.kind in _REPLIES:
            replies = filter(None, (self.reply, event))
            self.reply = min(replies, key=lambda one: (one.kind == "transport", one.wall_ns, one.event_id))

    def take_effect(self, bound: Bound) -> bool:
        """Whether the effect is new. Beyond the bounds it is counted and not kept."""
        if bound.source in self.effects:
            return False
        self._seen_at(bound.wall_ns)
        size = len(bound.event.path or "") + sum(map(len, bound.event.arguments))
        if len(self.effects) >= MAX_EFFECTS or self._text + size > _MAX_TEXT:
            self.effects_dropped += max(1, bound.event.count)
            return True
        self._text += size
        self.effects[bound.source] = bound
        return True

    def declares(self, digests: Collection[str]) -> bool:
        """Whether an argument named one of the values behind `digests`."""
        arguments = self.request.arguments if self.request else ()
        return any(digest in digests for argument in arguments for digest in argument.digests)

    def _seen_at(self, wall_ns: int) -> None:
        self.first_ns = min(self.first_ns, wall_ns)
        self.last_ns = max(self.last_ns, wall_ns)
