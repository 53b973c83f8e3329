"""The requests of one connection that wait for their reply, by the side that sent them. Replies are matched by id."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import islice

from ....models.events import ConversationSource, Era, TraceSource

__all__ = ["TOO_MANY", "Call", "Ledger", "MessageId"]

MessageId = tuple[str, object]  # JSON type and value: 1 and "1" are different ids
_MOST_OPEN = 8192
_MOST_CLOSED = 1024
_MOST_CANCELLED = 1024
_MOST_LISTED = 64
TOO_MANY = "too-many-open-calls"  # the anomaly of a request that is not tracked


@dataclass(slots=True)
class Call:
    """One request and what its reply inherits from it."""

    call_id: str
    correlation_id: str
    trace_source: TraceSource
    parent_span_id: str | None
    conversation: str
    conversation_source: ConversationSource
    method: str
    tool: str | None
    resource_digest: str | None
    era: Era
    era_evidence: str
    version: str | None
    in_flight: tuple[str, ...] = ()
    dispatched_ns: int = 0
    gated: bool = False  # serialised dispatch waits for its end


@dataclass(slots=True)
class Ledger:
    """Requests of one side, at most 8192 and the last 1024 cancelled ones.

    An id that is used twice at a time waits twice: servers answer both. A cancelled call gets the reply last: receivers
    should not answer it.
    """

    _open: dict[MessageId, deque[Call]] = field(default_factory=dict)
    _active: OrderedDict[str, Call] = field(default_factory=OrderedDict)
    _cancelled: OrderedDict[MessageId, Call] = field(default_factory=OrderedDict)
    _closed: OrderedDict[MessageId, None] = field(default_factory=OrderedDict)

    def open(self, key: MessageId, call: Call) -> str | None:
        """Track a call; returns the anomaly of its id, if any."""
        if len(self._active) >= _MOST_OPEN:
            return TOO_MANY
        waiting = self._open.setdefault(key, deque())
        waiting.append(call)
        self._active[call.call_id] = call
        call.in_flight = tuple(islice(reversed(self._active), _MOST_LISTED))[::-1]
        return "id-in-use" if len(waiting) > 1 or key in self._cancelled else None

    def answer(self, key: MessageId) -> tuple[Call | None, str | None]:
        """The call a reply answers, else the anomaly: an id never used, or one that was answered before."""
        call = self._oldest(key) or self._cancelled.pop(key, None)
        if call is None:
            return None, "duplicate-response" if key in self._closed else "unknown-response-id"
        self._closed[key] = None
        if len(self._closed) > _MOST_CLOSED:
            self._closed.popitem(last=False)
        return call, None

    def cancel(self, key: MessageId) -> Call | None:
        """The call is no longer in flight; a reply that crosses the cancellation still finds it."""
        call = self._oldest(key)
        if call is not None:
            self._cancelled[key] = call
            self._cancelled.move_to_end(key)
            if len(self._cancelled) > _MOST_CANCELLED:
                self._cancelled.popitem(last=False)
        return call

    def close(self) -> list[Call]:
        """Every call still in flight, oldest first; afterwards none is."""
        left = list(self._active.values())
        self._open.clear()
        self._active.clear()
        self._cancelled.clear()
        return left

    def _oldest(self, key: MessageId) -> Call | None:
        """Takes out the call that waits longest under this id."""
        waiting = self._open.get(key)
        if not waiting:
            return None
        call = waiting.popleft()
        if not waiting:
            del self._open[key]
        self._active.pop(call.call_id, None)
        return call

    def __len__(self) -> int:
        return len(self._active)
