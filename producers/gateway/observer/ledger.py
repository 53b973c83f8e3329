"""The requests of one connection that wait for their reply, by the side that sent them. Replies are matched by id."""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ....models.events import ConversationSource, TraceSource
    from .claims import Claims

__all__ = ["TOO_MANY", "Call", "Ledger", "MessageId"]

MessageId = tuple[str, object]  # JSON type and value: 1 and "1" are different ids
_MOST_OPEN = 8192
_MOST_CLOSED = 1024
_MOST_CANCELLED = 1024
_MOST_LISTED = 64
TOO_MANY = "too-many-open-calls"  # the anomaly of a request that is not tracked


class Call:
    """One request and what its reply inherits from it. `arguments` is the digest of its parameters (arguments_digest),
    `claims` those of both sides at its time; the reply to initialize settles them. `key` is its JSON-RPC id.
    """

    __slots__ = (
        *("active", "arguments", "call_id", "claims", "conversation", "conversation_source", "correlation_id"),
        *("dispatched_ns", "facts", "in_flight", "key", "memory", "method", "parent_span_id", "resource_digest"),
        *("tool", "trace_source"),
    )

    def __init__(  # noqa: PLR0917 - one a call, as in Frame
        self,
        call_id: str,
        correlation_id: str,
        trace_source: TraceSource,
        parent_span_id: str | None,
        conversation: str,
        conversation_source: ConversationSource,
        method: str,
        tool: str | None,
        resource_digest: str | None,
        claims: Claims,
        arguments: str | None = None,
    ) -> None:
        self.call_id, self.correlation_id = call_id, correlation_id
        self.trace_source, self.parent_span_id = trace_source, parent_span_id
        self.conversation, self.conversation_source = conversation, conversation_source
        self.method, self.tool, self.resource_digest = method, tool, resource_digest
        self.claims, self.arguments = claims, arguments
        self.active: dict[str, Call] | None = None  # where it is in flight
        self.in_flight: tuple[str, ...] = ()
        self.key: MessageId | None = None
        self.dispatched_ns = 0
        self.facts: dict[str, Any] | None = None  # further fields of every event of the call
        self.memory: dict[str, Any] | None = None  # what watchers keep until the reply; never published


class Ledger:
    """Requests of one side, at most 8192 and the last 1024 cancelled ones.

    An id that is used twice at a time waits twice: servers answer both. A cancelled call gets the reply last: receivers
    should not answer it. `active` holds what runs on the server, oldest first; ledgers of one server share it.
    """

    def __init__(self, active: dict[str, Call] | None = None) -> None:
        self.active: dict[str, Call] = {} if active is None else active
        self._open: dict[MessageId, deque[Call]] = {}
        self._count = 0
        self._cancelled: OrderedDict[MessageId, Call] = OrderedDict()
        self._closed: dict[MessageId, None] = {}
        self._closed_before: dict[MessageId, None] = {}

    def open(self, key: MessageId, call: Call) -> str | None:
        """Track a call; returns the anomaly of its id, if any."""
        if self._count >= _MOST_OPEN:
            return TOO_MANY
        waiting = self._open.get(key)
        if waiting is None:
            waiting = self._open[key] = deque()
        waiting.append(call)
        self._count += 1
        active = self.active
        active[call.call_id] = call
        call.active, call.key = active, key
        listed = active if len(active) <= _MOST_LISTED else islice(reversed(active), _MOST_LISTED)
        call.in_flight = tuple(listed) if listed is active else tuple(listed)[::-1]
        return "id-in-use" if len(waiting) > 1 or key in self._cancelled else None

    def answer(self, key: MessageId) -> tuple[Call | None, str | None]:
        """The call a reply answers, else the anomaly: an id never used, or one that was answered before."""
        call = self._oldest(key) or self._cancelled.pop(key, None)
        if call is None:
            return None, "duplicate-response" if self.answered(key) else "unknown-response-id"
        self._closed[key] = None
        if len(self._closed) > _MOST_CLOSED:
            self._closed, self._closed_before = {}, self._closed
        return call, None

    def answered(self, key: MessageId) -> bool:
        """Whether a request of this id was answered or cancelled lately."""
        return key in self._closed or key in self._closed_before or key in self._cancelled

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
        """Every call of this ledger still in flight, oldest first; afterwards none is."""
        own = {call.call_id for waiting in self._open.values() for call in waiting}
        left = [self.active.pop(call_id) for call_id in list(self.active) if call_id in own]
        self._open.clear()
        self._count = 0
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
        self._count -= 1
        self.active.pop(call.call_id, None)
        return call

    def __len__(self) -> int:
        return self._count
