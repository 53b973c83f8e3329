"""What is remarkable about a request before anyone answers it: credentials, session, headers beside the body."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from ..facts.authorization import authorization_anomalies
from ..observer.headers import header_notes
from ..observer.observe import Message
from .caller import Caller
from .desk import Desk
from .head import RequestHead

__all__ = ["announced_target", "at_endpoint", "remark"]

Note = tuple[str, str]
_ASKING = frozenset({"request", "notification"})


def at_endpoint(desk: Desk, path: str) -> bool | None:
    """Whether a request to this path is for MCP; None where nobody told us its path."""
    return path == desk.endpoint if desk.endpoint else None


def remark(desk: Desk, caller: Caller, head: RequestHead, messages: list[Message], *, negotiated: str | None) -> None:
    """Put into the messages of one body what its head says, and how it differs from them. `negotiated` is the version
    of a legacy session.
    """
    if not messages:
        return
    found = [*_of_head(desk, caller, messages[0].now.wall_ns)]
    for message in messages:
        for anomaly, detail in found:
            message.note(anomaly, detail)
        if message.shape.kind in _ASKING and not (caller.plain and negotiated is None and message.meta.version is None):
            _headers(desk, head, message, negotiated)
        _traced(caller, message)
        if message.conversation_source == "peer" and message.claims.client is not None:
            _introduced(caller, message, message.claims.client)


def announced_target(desk: Desk, head: RequestHead, data: bytes) -> str | None:
    """The request target that an `endpoint` event of HTTP+SSE names; None where it lies on another host."""
    parts = urlsplit(urljoin(head.target, data.decode("utf-8", "replace")))
    if parts.netloc and parts.netloc not in (desk.authority, head.text(b"host")):
        return None
    return parts.path + ("?" + parts.query if parts.query else "")


def _of_head(desk: Desk, caller: Caller, wall_ns: int) -> Iterator[Note]:
    yield from caller.notes
    if caller.authorization is not None:
        yield from authorization_anomalies(caller.authorization, wall_ns // 1_000_000_000, desk.audiences)
    if caller.session is not None and (anomaly := desk.sessions.used(caller.session)) is not None:
        yield anomaly


def _headers(desk: Desk, head: RequestHead, message: Message, negotiated: str | None) -> None:
    parameters = desk.parameters(message.call) if message.call is not None else None
    body = message.shape.body
    for anomaly, detail in header_notes(head.fields, head.repeated, body, negotiated=negotiated, parameters=parameters):
        name, colon, more = detail.partition(":")  # of a header, which its sender chose
        message.note(anomaly, desk.callers.field(name) + colon + more)


def _traced(caller: Caller, message: Message) -> None:
    """A traceparent among the headers counts where the message has none."""
    trace, call = caller.trace, message.begins
    if trace is not None and call is not None and call.trace_source == "minted":
        call.correlation_id, call.parent_span_id, call.trace_source = trace.trace_id, trace.parent_span_id, "header"


def _introduced(caller: Caller, message: Message, client: str) -> None:
    """Without session and token, what a client calls itself narrows the conversation (its word, as the source says)."""
    message.conversation = caller.conversation_of(client)
    if message.call is not None:
        message.call.conversation = message.conversation
