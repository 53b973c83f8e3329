"""What messages refer to must exist: progress tokens and subscriptions. A span is one request's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .parse import compact
from .recent import Recent

if TYPE_CHECKING:
    from .observe import Message

__all__ = ["References"]

_CLIENT, _SERVER = "client_to_server", "server_to_client"
_MOST = 4096
_LONGEST = 256
_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
_POLLS = frozenset({"tasks/get", "tasks/result", "tasks/update", "tasks/cancel", "tasks/list", "ping"})


class References:
    """One conversation's, of both sides. `digest` is keyed."""

    def __init__(self, digest: Callable[[str | bytes], str]) -> None:
        self._digest = digest
        self._tokens: Recent[str, str] = Recent(_MOST)  # who gave it and what: call_id; texts, which cost no collector
        self._givers: set[str] = set()  # the client's calls in flight that gave one
        self._over: Recent[str, None] = Recent(_MOST)  # those that are not
        self._cancelled: Recent[str, None] = Recent(_MOST)
        self._listening: Recent[str, None] = Recent(_MOST)
        self._spans: Recent[str, None] = Recent(_MOST)

    def request(self, message: Message) -> None:
        params, call = message.shape.params, message.begins
        meta = params.get("_meta")
        if meta and isinstance(meta, dict):
            token = meta.get("progressToken")
            if token is not None and call is not None:
                self._tokens.put(_key(message.direction, token), call.call_id)
                if message.direction == _CLIENT:
                    self._givers.add(call.call_id)
            if message.direction == _CLIENT and message.meta.trace is not None:
                self._span(message, params)
        if call is not None and call.method == "subscriptions/listen":
            digest = message.facts["subscription_digest"] = self._digest(compact(message.shape.body["id"]))
            self._listening.put(digest, None)

    def reply(self, message: Message) -> None:
        """Of the server."""
        if self._givers:
            self._ended(message)
        if message.call is not None and message.call.method == "subscriptions/listen":
            self._listening.pop(self._digest(compact(message.shape.body["id"])))

    def _ended(self, message: Message) -> None:
        for call in (message.ends, *message.released):
            if call is not None and call.call_id in self._givers:
                self._givers.remove(call.call_id)
                self._over.put(call.call_id, None)

    def notification(self, message: Message) -> None:
        if self._givers:
            self._ended(message)
        method = message.shape.body["method"]
        if method == "notifications/progress":
            self._progress(message)
        elif method == "notifications/cancelled":
            if message.ends is not None:
                self._cancelled.put(message.ends.call_id, None)
        elif message.direction != _CLIENT:
            self._subscribed(message)

    def _span(self, message: Message, params: dict[str, Any]) -> None:
        """Retries of one request and questions about its task may share its span."""
        trace = message.meta.trace
        if trace is None or message.shape.body["method"] in _POLLS or "requestState" in params:
            return
        span = trace.trace_id + trace.parent_span_id
        if span not in self._spans:
            self._spans.put(span, None)
        elif "inputResponses" not in params:
            message.note("span-reused", trace.parent_span_id)

    def _progress(self, message: Message) -> None:
        """Of a call that was cancelled it may still be on its way."""
        giver = _SERVER if message.direction == _CLIENT else _CLIENT
        call_id = self._tokens.get(_key(giver, message.shape.params.get("progressToken")))
        if call_id is None:
            message.note("unknown-progress-token", "never given")
        elif giver == _CLIENT and call_id in self._over and call_id not in self._cancelled:
            message.note("unknown-progress-token", "its call is over")

    def _subscribed(self, message: Message) -> None:
        meta = message.shape.params.get("_meta")
        if not isinstance(meta, dict) or _SUBSCRIPTION not in meta:
            return
        digest = message.facts["subscription_digest"] = self._digest(compact(meta[_SUBSCRIPTION]))
        if digest not in self._listening:
            message.note("unknown-subscription")


def _key(giver: str, token: object) -> str:
    """1 and "1" are different tokens; of a long one its beginning is enough."""
    return giver + repr(token)[:_LONGEST]
