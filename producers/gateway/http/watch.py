"""One exchange as it passes: its messages are matched to calls, requests told before they are forwarded, replies behind
their bytes. Nothing in here raises or touches the bytes: what fails is counted and told as lost.
"""

from __future__ import annotations

from collections.abc import Iterable

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
from .bodies import Plain, is_text, plain, speaks, streams
from .desk import Desk, Known
from .errors import Refusal
from .head import RequestHead, ResponseHead
from .outcome import Outcome
from .replies import Piece, Reply
from .strand import Strand
from .telling import Telling
from .written import Written

__all__ = ["ExchangeWatch"]

_FORBIDDEN, _GONE = 403, 404
_MOST_ANNOUNCED = 8  # addresses that one stream gives: it should give one


class ExchangeWatch:
    """`known` is the client's connection."""

    def __init__(self, desk: Desk, known: Known, head: RequestHead) -> None:
        self.desk = desk
        self._head = head
        self._caller = caller = known.caller(head, desk.callers)
        self._tell = Telling(desk, known, caller)
        announced = desk.scopes.announced(head.target)
        self._at_endpoint = True if announced else at_endpoint(desk, caller.path)
        scope = announced or desk.scopes.of(caller.key, session=caller.session is not None)
        self._strand = Strand(desk, caller, self._tell, scope)
        self._plain: Plain | None = None
        self._speaks = False
        self._verdict: Verdict | None = None
        self._asked: list[Message] = []  # that wait to be forwarded
        self._reply: Reply | None = None
        self._streamed = False
        self._announced_here: set[str] = set()  # addresses for requests that came over this stream
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
        try:
            return self._begun(body, size)
        except Exception as error:
            self._failed(error)
            return []

    def dispatch(self, lease: Lease) -> None:
        """It goes now: announced on disk when this returns."""
        tell, messages = self._tell, self._asked
        tell.lease, self._asked, self._plain = lease, [], None
        if messages:
            try:
                tell.announce(self._strand.scope, self._strand.observer, messages)
                self._strand.notified(messages)
            except Exception as error:
                self._failed(error)

    def response(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        """More of the response, its head first; it is forwarded, so it can wait."""
        self.desk.journal.later(lambda: self._heard(head, payload, done))

    def incident(self, anomaly: str, detail: str = "") -> None:
        """The exchange ended otherwise, or the server said more than its response."""
        self.desk.journal.later(lambda: self._broken(anomaly, detail))

    def turned_away(self, refusal: Refusal) -> None:
        """The gateway refused the request for its head."""
        self._tell.http = self._caller.answered(refusal.status, {}, streamed=False)
        notes = ((refusal.anomaly, refusal.detail), *self._caller.notes)
        try:
            self._tell.transport(self._strand.scope, notes=notes, blocked=True)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """A failure of the observer is counted and never stops an exchange."""
        self.desk.journal.fail(type(error).__name__)

    def _heard(self, head: ResponseHead | None, payload: bytes, done: bool) -> None:
        try:
            if head is not None:
                self._answered(head)
                text = self._speaks and not self._streamed and is_text(head)
                if done and text and len(payload) <= self.desk.inspect_bytes:
                    self._whole(payload)
                    return
                self._reply = self._begin_reply(head)
            if self._reply is not None:
                self._more(self._reply, payload, done)
        except Exception as error:
            self._failed(error)

    def _whole(self, body: bytes) -> None:
        """Nearly every reply: one body in one piece."""
        if body:
            self._said(Frame(body, 0, len(body)))
        self._close(Outcome.of(self._status, session=self._strand.scope.session))

    def _more(self, reply: Reply, payload: bytes, done: bool) -> None:
        if payload:
            self._pieces(reply.feed(payload))
        if done:
            self._pieces(reply.finish())
            outcome = Outcome.of(
                self._status,
                session=self._strand.scope.session,
                streamed=reply.streamed,
                readable=reply.readable,
            )
            self._close(outcome)

    def _broken(self, anomaly: str, detail: str) -> None:
        try:
            if self._reply is not None:
                self._reply.drop()
            messages, self._asked = self._asked, []
            if messages:  # that were never forwarded
                self._tell.messages(self._strand.scope, self._strand.observer, messages)
                self._strand.notified(messages)
            self._close(Outcome((anomaly,), ((anomaly, detail),)))
        except Exception as error:
            self._failed(error)

    def _close(self, outcome: Outcome) -> None:
        if self._announced_here:
            self._strand.scope.over = True
        self._strand.close(outcome)

    def _judged(self, policy: Policy, body: bytes, whole: bool) -> bytes | None:
        read = self._read(body, whole)
        if not self._speaks:
            return None
        tool = named_tool(self._head.fields)
        named = () if tool is None else (tool,)
        verdict = policy.check(read.data, complete=read.whole, named=named)
        if verdict.allowed and not read.sure:
            verdict = policy.check(read.data, complete=False, named=named)
        if verdict.allowed:
            self._verdict = verdict
            return None
        answers = refusals(verdict.reading, verdict.rules)
        try:
            self._blocked(verdict, answers, len(body))
        except Exception as error:  # it is forbidden all the same
            self._failed(error)
        return answers[0] if answers else b"{}"

    def _begun(self, body: bytes, size: int) -> list[Call]:
        read = self._read(body, len(body) == size)
        if not self._speaks:
            return []
        frame = Frame(read.data, 0, max(size, self._head.length or 0), complete=read.whole)
        self._asked = messages = self._strand.observer.frame(CLIENT, frame, self.desk.now())
        self._remark(messages, read)
        return self._strand.begun(messages)

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
        self._tell.messages(scope, observer, messages)
        self.desk.journal.keep([])

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

    def _answered(self, head: ResponseHead) -> None:
        """The response begins."""
        status, desk, caller = head.status, self.desk, self._caller
        self._status = status
        self._streamed = streams(head, self._head)
        asked_for = desk.callers.challenge(head) if b"www-authenticate" in head.fields else {}
        self._tell.http = caller.answered(status, asked_for, streamed=self._streamed)
        self._session_id = head.text(b"mcp-session-id")
        gone = status == _GONE or (self._head.method == "DELETE" and 200 <= status < 300)
        if gone and caller.session is not None:
            desk.sessions.ended(caller.session)

    def _begin_reply(self, head: ResponseHead) -> Reply:
        reply = Reply(head, self.desk.memory, self.desk.inspect_bytes, wanted=self._speaks, streamed=self._streamed)
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
        if self._reply is None or not self._reply.streamed:
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
        if target in self._announced_here or len(self._announced_here) >= _MOST_ANNOUNCED:
            return
        self._announced_here.add(target)
        self._at_endpoint = True
        strand.enter(self.desk.scopes.announce(target, strand.scope))
