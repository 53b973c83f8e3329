"""One exchange as it passes: its messages are matched to calls, requests told before they are forwarded, replies behind
their bytes. Nothing in here raises or touches the bytes: what fails is counted and told as lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

from ....models.events import Lease
from ..observer.conversation import Conversation, Ledgers
from ..observer.framing import Frame
from ..observer.headers import named_tool
from ..observer.ledger import Call
from ..observer.observe import CLIENT, SERVER, Message
from ..policy.listing import annotate, judge_list
from ..policy.policy import Policy, Verdict
from ..policy.refusal import refusals
from .asked import announced_target, at_endpoint, remark
from .bodies import Plain, plain, speaks
from .desk import Desk, Known
from .errors import Refusal
from .head import RequestHead, ResponseHead
from .outcome import Outcome
from .replies import Piece, Reply
from .strand import Strand
from .telling import Telling
from .written import Written

__all__ = ["ExchangeWatch"]

P = ParamSpec("P")
R = TypeVar("R")
_FORBIDDEN, _GONE = 403, 404


def _counted(method: Callable[Concatenate[ExchangeWatch, P], R]) -> Callable[Concatenate[ExchangeWatch, P], R | None]:
    """A failure of the observer is counted and never stops an exchange."""

    def guarded(self: ExchangeWatch, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            self.desk.journal.fail(type(error).__name__)
            return None

    functools.update_wrapper(guarded, method)
    return guarded


class ExchangeWatch:
    """`known` is the client's connection."""

    def __init__(self, desk: Desk, known: Known, head: RequestHead) -> None:
        self.desk = desk
        self._head = head
        self._caller = caller = known.caller(head, desk.callers)
        self._tell = Telling(desk, known, caller)
        announced = desk.scopes.announced(head.target)
        self._at_endpoint = at_endpoint(desk, head, announced=announced is not None)
        scope = announced or desk.scopes.of(caller.key, session=caller.session is not None)
        self._strand = Strand(desk, caller, self._tell, scope)
        self._plain: Plain | None = None
        self._speaks = False
        self._verdict: Verdict | None = None
        self._asked: list[Message] = []  # that wait to be forwarded
        self._reply: Reply | None = None
        self._announces = False  # whether the address for requests came over this stream
        self._status = 0
        self._session_id: str | None = None

    def judge(self, body: bytes, whole: bool) -> bytes | None:
        """The error body where the operator forbids the request."""
        policy = self.desk.policy
        if policy is None:
            return None
        try:
            return self._judged(policy, body, whole)
        except Exception as error:
            self.desk.journal.fail(type(error).__name__)
            return b"{}" if self.desk.closed else None

    def request(self, body: bytes, size: int, pair: Written) -> list[Call]:
        """What goes over `pair` next; the calls it starts."""
        self._tell.over(pair)
        return self._begun(body, size) or []

    @_counted
    def dispatch(self, lease: Lease) -> None:
        """It goes now: on disk when this returns."""
        self._tell.lease = lease
        messages, self._asked, self._plain = self._asked, [], None
        if not messages:
            return
        strand = self._strand
        self._tell.messages(strand.scope, strand.observer, messages, at_once=True)
        for message in messages:
            if message.shape.kind == "notification":
                strand.ended(message)

    def response(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        """More of the response, its head first; it is forwarded, so it can wait."""
        self.desk.journal.later(lambda: self._heard(head, payload, done))

    def incident(self, anomaly: str, detail: str = "") -> None:
        """The exchange ended otherwise, or the server said more than its response."""
        self.desk.journal.later(lambda: self._broken(anomaly, detail))

    @_counted
    def turned_away(self, refusal: Refusal) -> None:
        """The gateway refused the request for its head."""
        self._tell.http = self._caller.answered(refusal.status, {}, streamed=False)
        notes = ((refusal.anomaly, refusal.detail), *self._caller.notes)
        self._tell.transport(self._strand.scope, notes=notes, blocked=True)

    @_counted
    def _heard(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        if head is not None:
            self._reply = self._begin_reply(head)
        reply = self._reply
        if reply is None:
            return
        if payload:
            self._pieces(reply.feed(payload))
        if done:
            self._pieces(reply.finish())
            self._close(Outcome.of(self._status, reply, session=self._strand.scope.session))

    @_counted
    def _broken(self, anomaly: str, detail: str) -> None:
        if self._reply is not None:
            self._reply.drop()
        self.dispatch(self._tell.lease)
        self._close(Outcome((anomaly,), ((anomaly, detail),)))

    def _close(self, outcome: Outcome) -> None:
        if self._announces:
            self._strand.scope.over = True
        self._strand.close(outcome)

    def _judged(self, policy: Policy, body: bytes, whole: bool) -> bytes | None:
        read = self._read(body, whole)
        if not self._speaks:
            return None
        tool = named_tool(self._head.fields)
        verdict = policy.check(read.data, complete=read.whole, named=() if tool is None else (tool,))
        if verdict.allowed:
            self._verdict = verdict
            return None
        answers = refusals(verdict.reading, verdict.rules)
        self._blocked(verdict, answers, len(body))
        return answers[0] if answers else b"{}"

    @_counted
    def _begun(self, body: bytes, size: int) -> list[Call]:
        read = self._read(body, len(body) == size)
        if not self._speaks:
            return []
        frame = Frame(read.data, 0, max(size, self._head.length or 0), complete=read.whole)
        self._asked = messages = self._strand.observer.frame(CLIENT, frame, self.desk.now())
        self._remark(messages, read)
        return self._strand.begun(messages)

    @_counted
    def _blocked(self, verdict: Verdict, answers: list[bytes], size: int) -> None:
        """Seen by an observer of its own: what never reached the server must not be matched with what did."""
        scope, apart = self._strand.scope, Conversation()
        apart.claims = scope.conversation.claims
        observer, now, read = self._strand.observing(apart, Ledgers()), self.desk.now(), self._read(b"", False)
        messages = observer.frame(CLIENT, Frame(read.data, 0, size, complete=read.whole), now)
        self._verdict = verdict
        self._remark(messages, read)
        for answer in answers:
            messages += observer.frame(SERVER, Frame(answer, 0, len(answer)), now)
        for message in messages:
            message.facts["action"] = "blocked"
        self._tell.http = self._caller.answered(_FORBIDDEN, {}, streamed=False)
        self._tell.messages(scope, observer, messages, at_once=True)

    def _remark(self, messages: list[Message], read: Plain) -> None:
        scope = self._strand.scope
        negotiated = scope.conversation.claims.version if scope.session else None
        remark(self.desk, self._caller, self._head, messages, negotiated=negotiated)
        notes = (*read.notes, ("off-endpoint", "")) if self._at_endpoint is False else read.notes
        for message in messages:
            for anomaly, detail in notes:
                message.note(anomaly, detail)
            if self._verdict is not None:
                annotate(message, self._verdict)

    def _read(self, body: bytes, whole: bool) -> Plain:
        """Read once: what was judged is what is observed."""
        if self._plain is None:
            self._plain = plain(self._head, body, whole, self.desk.inspect_bytes)
            self._speaks = speaks(self._head, self._plain, self._at_endpoint)
        return self._plain

    def _begin_reply(self, head: ResponseHead) -> Reply:
        reply = Reply(head, self.desk.memory, self.desk.inspect_bytes, wanted=self._speaks)
        self._status = head.status
        self._tell.http = self._caller.answered(head.status, self.desk.callers.challenge(head), streamed=reply.streamed)
        self._session_id = head.text(b"mcp-session-id")
        session = self._caller.session
        gone = head.status == _GONE or (self._head.method == "DELETE" and 200 <= head.status < 300)
        if session is not None and gone:
            self.desk.sessions.ended(session)
        if reply.streamed and not self._speaks:
            self._tell.transport(self._strand.scope)
        return reply

    def _pieces(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.event == b"endpoint":
                self._announced(piece.frame.data)
            elif piece.frame.data and (self._speaks or self._at_endpoint or b"jsonrpc" in piece.frame.data):
                self._said(piece.frame)

    def _said(self, frame: Frame) -> None:
        """A message of the server, or a batch. A body that is neither JSON nor an event is no message."""
        strand, policy = self._strand, self.desk.policy
        messages = strand.observer.frame(SERVER, frame, self.desk.now())
        if not frame.complete:
            for message in messages:
                strand.adopt(message)
        if self._reply is not None and not self._reply.streamed:
            messages = [message for message in messages if message.shape.kind != "invalid"]
        for message in messages:
            call = message.call
            strand.ended(message)
            if policy is not None:
                judge_list(policy, message, listing=call is not None and call.method == "tools/list")
            if call is not None and call.method == "initialize" and message.shape.kind == "response":
                self._session(message)
        if messages:
            self._tell.messages(strand.scope, strand.observer, messages)

    def _session(self, message: Message) -> None:
        """An answer to initialize may open a session."""
        if not self._session_id:
            return
        desk, digest = self.desk, self.desk.keyring.digest(self._session_id)
        desk.sessions.started(digest)
        desk.scopes.begin(desk.callers.session_key(digest), self._strand.scope)
        weak = desk.session_ids.add(self._session_id)
        if weak:
            message.note("session-id-predictable", weak)

    def _announced(self, data: bytes) -> None:
        """HTTP+SSE: the address to which the client posts what this stream answers."""
        target, strand = announced_target(self.desk, self._head, data), self._strand
        if target is None:
            self._tell.transport(strand.scope, notes=(("endpoint-elsewhere", "another host"),))
            return
        self._at_endpoint = self._announces = True
        strand.enter(self.desk.scopes.announce(target, strand.scope))
