"""Messages of an MCP connection from a copy of its bytes: cut, read, matched to calls. Pure; never raises on input.

The word of the sender (ids, names, versions, trace) is kept apart from ours (call_id, offsets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....models.text import clean
from ... import conversation
from .claims import TELLING, after_reply, text
from .conversation import Conversation, Ledgers
from .framing import Frame, Lines
from .ledger import TOO_MANY, Call
from .message import Shape, message_id, shapes, told
from .meta import NOTHING, Meta, read_meta

if TYPE_CHECKING:
    from ....models.digest import Keyring
    from ....models.events import ConversationSource, Direction
    from ..clock import Now
    from .claims import Claims

__all__ = ["CLIENT", "SERVER", "Message", "Observer"]

CLIENT: Direction = "client_to_server"
SERVER: Direction = "server_to_client"
_REPLIES = frozenset({"response", "error"})
_COMPARED = frozenset({"tools/call", "resources/read", "prompts/get"})
_MOST_EVIDENCE = 16
_SHORTEST = len(b'{"jsonrpc":"2.0","error":1}')  # bytes that any message takes
_MOST_SHORT = 64  # of what is too short to be one, in one chunk
_DETAIL = 128


class Message:
    """One observed message, as it was read at `now`."""

    __slots__ = (
        *("begins", "call", "claims", "conversation", "conversation_source", "direction", "ends", "evidence", "facts"),
        *("frame", "meta", "now", "released", "shape", "unsaid"),
    )

    def __init__(  # noqa: PLR0917 - as in Frame
        self,
        direction: Direction,
        frame: Frame,
        shape: Shape,
        meta: Meta,
        claims: Claims,
        conversation: tuple[str, ConversationSource],
        now: Now,
    ) -> None:
        self.direction, self.frame, self.shape, self.meta, self.claims = direction, frame, shape, meta, claims
        self.conversation, self.conversation_source = conversation
        self.now = now
        self.call: Call | None = None
        self.begins: Call | None = None  # the call whose effects start with it
        self.ends: Call | None = None  # and the one whose effects stop
        self.released: tuple[Call, ...] = ()  # other calls that are over with it: tasks, say
        self.unsaid = 0  # messages of the same batch, or scraps of lines, that follow and are not described
        self.facts: dict[str, Any] = {}  # further fields of its event
        self.evidence: list[tuple[str, str]] = []

    def note(self, anomaly: str, detail: str = "") -> None:
        """Add an anomaly, and what it rests on: names, numbers and digests, never content."""
        self.shape.anomalies.add(anomaly)
        if detail and len(self.evidence) < _MOST_EVIDENCE:
            self.evidence.append((anomaly, clean(detail, _DETAIL)))


@dataclass(slots=True)
class _Blank:
    """Lines without a character since the last message."""

    count: int = 0
    last: Frame | None = None

    def add(self, frame: Frame) -> None:
        self.count += 1
        self.last = frame


class Observer:
    """Both directions of one connection, or of one exchange. `new_id` mints UUID text, `new_trace` 32 hex digits.

    Messages that name no conversation belong to `default`, a digest and its source. At most `bound` bytes of a message
    are read; the rest is counted. `ledgers` are those of the conversation where ids are unique in it.
    """

    def __init__(
        self,
        keyring: Keyring,
        default: tuple[str, ConversationSource],
        new_id: Callable[[], str],
        new_trace: Callable[[], str],
        bound: int,
        *,
        shared: Conversation | None = None,
        ledgers: Ledgers | None = None,
    ) -> None:
        self._keyring = keyring
        self._new_id, self._new_trace = new_id, new_trace
        self._lines = {CLIENT: Lines(bound), SERVER: Lines(bound)}
        self._blank = {CLIENT: _Blank(), SERVER: _Blank()}
        self.shared = shared if shared is not None else Conversation()
        ledgers = ledgers if ledgers is not None else self.shared.ledgers
        self._asked = {CLIENT: ledgers.server, SERVER: ledgers.client}
        self._default = default
        self._baggage: tuple[str, tuple[str, ConversationSource]] = ("", default)

    @property
    def claims(self) -> Claims:
        """What both sides have said of themselves so far."""
        return self.shared.claims

    def read(self, direction: Direction, chunk: bytes, now: Now) -> list[Message]:
        """The messages that `chunk` completes."""
        return self._messages(direction, self._lines[direction].feed(chunk), now)

    def finish(self, direction: Direction, now: Now) -> list[Message]:
        """The message that the end of the stream completes, if any."""
        messages = self._messages(direction, self._lines[direction].finish(), now)
        blank = self._blank[direction]
        if blank.last is not None:  # nothing follows that could count it
            messages += self._of(direction, blank.last, now)
        return messages

    def frame(self, direction: Direction, frame: Frame, now: Now) -> list[Message]:
        """The messages of one frame that a transport cut."""
        return self._of(direction, frame, now)

    def watch(self, message: Message) -> None:
        """Let the watchers see a message: call it once for each, in their order, before the message is described."""
        shared = self.shared
        shared.show(message, shared.watching)

    def close(self) -> list[Call]:
        """The client's calls that are still in flight, oldest first; afterwards none is."""
        return self._asked[CLIENT].close()

    def _messages(self, direction: Direction, frames: Iterable[Frame], now: Now) -> list[Message]:
        messages: list[Message] = []
        scraps = 0
        for frame in frames:
            length = len(frame.data)
            if length >= _SHORTEST or not frame.complete:
                messages += self._of(direction, frame, now)
            elif not length and frame.size:
                self._blank[direction].add(frame)
            elif scraps < _MOST_SHORT:
                scraps += 1
                messages += self._of(direction, frame, now)
            else:
                messages[-1].unsaid += 1
        return messages

    def _of(self, direction: Direction, frame: Frame, now: Now) -> list[Message]:
        messages: list[Message] = []
        for shape in shapes(frame):
            if shape.unread:
                messages[-1].unsaid += shape.unread
                continue
            message = self._message(direction, frame, shape, now)
            if shape.described or message.begins or message.ends or message.released:
                messages.append(message)
            else:
                messages[-1].unsaid += 1
        blank = self._blank[direction]
        if messages and blank.last is not None:
            earlier = blank.count - (blank.last is frame)
            if earlier:
                messages[0].note("blank-line", f"{earlier} before it")
            blank.count, blank.last = 0, None
        return messages

    def _message(self, direction: Direction, frame: Frame, shape: Shape, now: Now) -> Message:
        kind, shared = shape.kind, self.shared
        if shape.partial and kind == "invalid" and direction == SERVER and shape.id is not None:
            kind = shape.kind = "response"  # its result is what made it too long to read
        meta = read_meta(shape.body.get("result") if kind in _REPLIES else shape.params)
        conversation = self._default
        if meta is not NOTHING:
            shape.anomalies.update(meta.malformed)
            if meta.conversation is not None:
                conversation = self._named(meta.conversation)
        message = Message(direction, frame, shape, meta, shared.claims, conversation, now)
        if kind == "request":
            self._request(message)
        elif kind in _REPLIES:
            self._reply(message)
        elif kind == "notification":
            self._notification(message)
        elif direction == SERVER and not shape.body:
            shape.anomalies.add("stdout-not-json")
        shared.show(message, shared.tracking)
        return message

    def _request(self, message: Message) -> None:
        shape = message.shape
        self._learn(message)
        if shape.id is None:
            return
        message.call = call = self._open(message)
        anomaly = self._asked[message.direction].open(shape.id, call)
        if anomaly is not None:
            shape.anomalies.add(anomaly)
        if anomaly != TOO_MANY:
            message.begins = call

    def _notification(self, message: Message) -> None:
        self._learn(message)
        if message.shape.body["method"] == "notifications/cancelled":
            self._cancelled(message, message.shape.params)

    def _cancelled(self, message: Message, params: dict[str, Any]) -> None:
        """To cancel what was answered is a race, to cancel what was never asked is none."""
        key, ledger = message_id(params.get("requestId"), set()), self._asked[message.direction]
        message.call = message.ends = ledger.cancel(key) if key else None
        if message.call is None and "requestId" in params and not (key and ledger.answered(key)):
            message.note("unknown-cancelled-id")

    def _reply(self, message: Message) -> None:
        shape = message.shape
        from_server = message.direction == SERVER
        if shape.id is not None:
            call, anomaly = self._asked[CLIENT if from_server else SERVER].answer(shape.id)
            message.call = message.ends = call
            if anomaly is not None:
                shape.anomalies.add(anomaly)
        if from_server:
            self._answered(message)

    def _answered(self, message: Message) -> None:
        """What a reply of the server adds to its claims: nothing, in most."""
        call, meta, shared = message.call, message.meta, self.shared
        if meta.server is not None or (call is not None and call.method == "initialize"):
            result = message.shape.body.get("result")
            shared.claims = message.claims = after_reply(shared.claims, result, meta, call)

    def _learn(self, message: Message) -> None:
        meta, shape = message.meta, message.shape
        if message.direction == CLIENT and (meta.version is not None or shape.body["method"] in TELLING):
            message.claims = self.shared.learn(shape, meta)

    def _open(self, message: Message) -> Call:
        trace, params = message.meta.trace, message.shape.params
        method, uri = message.shape.body["method"], params.get("uri")
        return Call(
            self._new_id(),
            trace.trace_id if trace else self._new_trace(),
            "meta" if trace else "minted",
            trace.parent_span_id if trace else None,
            message.conversation,
            message.conversation_source,
            text(method) or "",
            text(params.get("name")) if method == "tools/call" else None,
            self._keyring.digest(uri) if isinstance(uri, str) else None,
            message.claims,
            self._keyring.digest(told(params)) if method in _COMPARED and not message.shape.partial else None,
        )

    def _named(self, identifier: str) -> tuple[str, ConversationSource]:
        """A conversation by its id in the baggage; clients repeat it with every request."""
        if self._baggage[0] != identifier:
            self._baggage = identifier, (conversation.of_conversation_id(self._keyring, identifier), "baggage")
        return self._baggage[1]
