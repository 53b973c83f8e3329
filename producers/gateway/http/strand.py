"""One exchange's place in its session: what observes it, and its calls until they are answered or given up."""

from __future__ import annotations

from ..observer.conversation import Conversation, Ledgers
from ..observer.ledger import Call, MessageId
from ..observer.observe import Message, Observer
from .caller import Caller
from .desk import Desk
from .outcome import Outcome
from .scopes import Scope
from .telling import Telling

__all__ = ["Strand"]


class Strand:
    """`observer` matches messages over the ledgers of `scope`."""

    __slots__ = ("_caller", "_desk", "_ledgers", "_open", "_tell", "observer", "scope")

    def __init__(self, desk: Desk, caller: Caller, tell: Telling, scope: Scope) -> None:
        self._desk, self._caller, self._tell = desk, caller, tell
        self._open: dict[str, tuple[Call, MessageId]] = {}  # calls of this exchange without a reply
        self.enter(scope)

    def enter(self, scope: Scope) -> None:
        """From here on the exchange belongs to another session."""
        self.scope = scope
        self._ledgers = ledgers = self._desk.scopes.ledgers(scope)
        self.observer = self.observing(scope.conversation, ledgers)

    def observing(self, conversation: Conversation, ledgers: Ledgers) -> Observer:
        desk, caller = self._desk, self._caller
        return Observer(
            desk.keyring,
            (caller.conversation, caller.source),
            desk.new_id,
            desk.new_trace,
            desk.inspect_bytes,
            shared=conversation,
            ledgers=ledgers,
        )

    def begun(self, messages: list[Message]) -> list[Call]:
        """The calls that these messages start."""
        calls = []
        for message in messages:
            call, key = message.begins, message.shape.id
            if call is not None and key is not None:
                calls.append(call)
                self._open[call.call_id] = call, key
        return calls

    def adopt(self, message: Message) -> None:
        """A reply too long to read, its id perhaps behind what was read, is that of the only call it can answer."""
        if message.call is None and message.shape.partial and len(self._open) == 1:
            ((_, key),) = self._open.values()
            message.call = message.ends = self._ledgers.server.answer(key)[0]
            message.shape.kind = "response"
            message.shape.anomalies.discard("unknown-response-id")

    def ended(self, message: Message) -> None:
        """Whatever call a message ends is over for the sensor too."""
        if message.ends is not None:
            self._open.pop(message.ends.call_id, None)
            if self.scope.late:
                self.scope.late.pop(message.ends.call_id, None)
            self._desk.lease.end(message.ends)
        for call in message.released:
            self._desk.lease.end(call)

    def notified(self, messages: list[Message]) -> None:
        """A cancellation ends a call as it is sent."""
        for message in messages:
            if message.shape.kind == "notification":
                self.ended(message)

    def close(self, outcome: Outcome) -> None:
        """What becomes of calls without a reply, and of an exchange that no event stands for yet."""
        tell, left = self._tell, self._open
        if not (left or outcome.anomalies or self.scope.late) and tell.told:
            return
        self._open = {}
        now = self._desk.now()
        if outcome.later:
            self.scope.wait(left, now.mono_ns)
            left = {}
        for call, key in (*left.values(), *self.scope.expired(now.mono_ns)):
            self._ledgers.server.cancel(key)
            self._desk.lease.end(call)
            tell.transport(self.scope, outcome.anomalies or ("reply-missing",), call=call, notes=outcome.notes)
        if not left and (outcome.anomalies or not tell.told):
            notes = outcome.notes if tell.told else (*outcome.notes, *self._caller.notes)
            tell.transport(self.scope, outcome.anomalies, notes=notes)
