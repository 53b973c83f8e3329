"""Messages of an MCP connection from a copy of its bytes: cut, read, matched to calls. Pure; never raises on input.

The word of the sender (ids, names, versions, trace) is kept apart from ours (call_id, offsets).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ....models.digest import Keyring
from ....models.events import ConversationSource, Direction
from ....models.text import clean
from ... import conversation
from .claims import Claims, after_reply, after_request, text
from .framing import Frame, Lines
from .ledger import TOO_MANY, Call, Ledger
from .message import Shape, message_id, shapes
from .meta import Meta, read_meta

__all__ = ["CLIENT", "SERVER", "Message", "Observer"]

CLIENT: Direction = "client_to_server"
SERVER: Direction = "server_to_client"
_OTHER: dict[Direction, Direction] = {CLIENT: SERVER, SERVER: CLIENT}


@dataclass(slots=True)
class Message:
    """One observed message. `begins` and `ends` name the call whose effects start or stop with it."""

    direction: Direction
    frame: Frame
    shape: Shape
    meta: Meta
    claims: Claims
    conversation: str
    conversation_source: ConversationSource
    call: Call | None = None
    begins: Call | None = None
    ends: Call | None = None
    unsaid: int = 0  # messages of the same batch that follow and are not described


class Observer:
    """Both directions of one connection. `new_id` mints UUID text, `new_trace` 32 hex digits.

    At most `bound` bytes of a message are read; the rest is counted.
    """

    def __init__(
        self, keyring: Keyring, instance: str, new_id: Callable[[], str], new_trace: Callable[[], str], bound: int
    ) -> None:
        self._keyring = keyring
        self._new_id, self._new_trace = new_id, new_trace
        self._lines = {CLIENT: Lines(bound), SERVER: Lines(bound)}
        self._asked = {CLIENT: Ledger(), SERVER: Ledger()}
        self._process = conversation.of_process(keyring, instance)
        self.claims = Claims()

    def read(self, direction: Direction, chunk: bytes) -> list[Message]:
        """The messages that `chunk` completes."""
        return self._messages(direction, self._lines[direction].feed(chunk))

    def finish(self, direction: Direction) -> list[Message]:
        """The message that the end of the stream completes, if any."""
        return self._messages(direction, self._lines[direction].finish())

    def close(self) -> list[Call]:
        """The client's calls that are still in flight, oldest first; afterwards none is."""
        return self._asked[CLIENT].close()

    def _messages(self, direction: Direction, frames: list[Frame]) -> list[Message]:
        messages: list[Message] = []
        for frame in frames:
            for shape in shapes(frame):
                message = self._message(direction, frame, shape)
                if shape.described or message.begins or message.ends:
                    messages.append(message)
                else:
                    messages[-1].unsaid += 1
        return messages

    def _message(self, direction: Direction, frame: Frame, shape: Shape) -> Message:
        meta = read_meta(shape.body.get("result") if shape.kind in ("response", "error") else shape.params)
        shape.anomalies.update(meta.malformed)
        message = Message(direction, frame, shape, meta, self.claims, *self._conversation(meta))
        if shape.kind == "request":
            self._request(message)
        elif shape.kind == "notification":
            self._notification(message)
        elif shape.kind in ("response", "error"):
            self._reply(message)
        elif direction == SERVER and not shape.body:
            shape.anomalies.add("stdout-not-json")
        return message

    def _request(self, message: Message) -> None:
        shape = message.shape
        self._learn(message)
        if shape.id is None:
            return
        message.call = call = self._open(message)
        anomaly = self._asked[message.direction].open(shape.id, call)
        if anomaly:
            shape.anomalies.add(anomaly)
        if anomaly != TOO_MANY:
            message.begins = call

    def _notification(self, message: Message) -> None:
        self._learn(message)
        if message.shape.body["method"] == "notifications/cancelled":
            key = message_id(message.shape.params.get("requestId"), set())
            message.call = message.ends = self._asked[message.direction].cancel(key) if key else None

    def _reply(self, message: Message) -> None:
        shape = message.shape
        if shape.id is not None:
            call, anomaly = self._asked[_OTHER[message.direction]].answer(shape.id)
            message.call = message.ends = call
            if anomaly:
                shape.anomalies.add(anomaly)
        if message.direction == SERVER:
            self.claims = message.claims = after_reply(
                self.claims, shape.body.get("result"), message.meta, message.call
            )

    def _learn(self, message: Message) -> None:
        if message.direction == CLIENT:
            self.claims = message.claims = after_request(self.claims, message.shape, message.meta)

    def _open(self, message: Message) -> Call:
        meta, params, claims = message.meta, message.shape.params, message.claims
        method, uri = message.shape.body["method"], params.get("uri")
        return Call(
            call_id=self._new_id(),
            correlation_id=meta.trace.trace_id if meta.trace else self._new_trace(),
            trace_source="meta" if meta.trace else "minted",
            parent_span_id=meta.trace.parent_span_id if meta.trace else None,
            conversation=message.conversation,
            conversation_source=message.conversation_source,
            method=clean(method, 128),
            tool=text(params.get("name")) if method == "tools/call" else None,
            resource_digest=self._keyring.digest(uri) if isinstance(uri, str) else None,
            era=claims.era,
            era_evidence=claims.evidence,
            version=claims.version,
            gated=message.direction == CLIENT and message.frame.complete and message.shape.starts_tool,
        )

    def _conversation(self, meta: Meta) -> tuple[str, ConversationSource]:
        if meta.conversation is None:
            return self._process, "process"
        return conversation.of_conversation_id(self._keyring, meta.conversation), "baggage"
