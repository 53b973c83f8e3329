"""The events of one exchange: what is said of HTTP, peer and connection stands beside what the message says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ....models.events import Lease
from ..facts.describe import Draft
from ..observer.ledger import Call
from ..observer.observe import CLIENT, Message, Observer
from ..spool.record import Entry, dump, undescribed
from .caller import Caller
from .desk import Desk, Known
from .scopes import Scope
from .written import Written, extended

__all__ = ["Telling"]

_MOST_UNREADABLE = 64  # events for unreadable messages of one exchange; the rest is counted
Note = tuple[str, str]
_Drafted = tuple[Message, Draft, Entry]


class Telling:
    """`told` says whether any event stands for the exchange yet."""

    __slots__ = ("_caller", "_desk", "_told", "_unreadable", "http", "lease", "told")

    def __init__(self, desk: Desk, known: Known, caller: Caller) -> None:
        self._desk, self._caller = desk, caller
        self._told = caller.told + known.told
        self.http: Written | None = None  # of the response, once there is one
        self.lease: Lease = "none"
        self.told = False
        self._unreadable = 0

    def over(self, pair: Written) -> None:
        """The connection to the server that carries this exchange alone."""
        self._told += pair

    def announce(self, scope: Scope, observer: Observer, messages: Sequence[Message]) -> None:
        """These are forwarded now, and described behind their bytes. On disk, or counted as lost, when this returns."""
        journal, fields = self._desk.journal, self._fields(sent=True)
        now, draft = messages[0].now if self.lease == "none" else self._desk.now(), scope.describer.draft
        drafted: list[_Drafted] = []
        for message in messages:
            if message.shape.kind == "invalid" and self._flooded(message):
                continue
            try:
                drawn = draft(message, now, self.lease)
                drafted.append((message, drawn, extended((drawn[0], dump(drawn[1])), fields)))
            except Exception as error:  # what cannot be described costs its own event and no other
                journal.fail(type(error).__name__)
            if message.unsaid:
                journal.fail("not-described", message.unsaid)
        self.told = self.told or bool(drafted)
        journal.announce([entry for _, _, entry in drafted], lambda: self._describe(scope, observer, drafted, fields))

    def messages(self, scope: Scope, observer: Observer, messages: Sequence[Message]) -> None:
        """These passed, or never will. At least one."""
        journal, now = self._desk.journal, messages[0].now if self.lease == "none" else self._desk.now()
        entries: list[Entry] = []
        for message in messages:
            if message.shape.kind == "invalid" and self._flooded(message):
                continue
            try:
                observer.watch(message)
                entry = scope.describer.message(message, now, self.lease)
                entries.append(extended(entry, self._fields(sent=message.direction == CLIENT)))
            except Exception as error:
                journal.fail(type(error).__name__)
            if message.unsaid:
                journal.fail("not-described", message.unsaid)
        journal.add(entries)
        journal.watched(scope.conversation)
        self.told = self.told or bool(entries)

    def transport(
        self,
        scope: Scope,
        anomalies: Sequence[str] = (),
        *,
        call: Call | None = None,
        notes: Sequence[Note] = (),
        blocked: bool = False,
    ) -> None:
        """Something without a JSON-RPC message: a status, a stream that opened, a side that left."""
        extra: dict[str, Any] = {"evidence": [{"about": about, "detail": detail} for about, detail in notes if detail]}
        if call is None:
            extra |= {"conversation": self._caller.conversation, "conversation_source": self._caller.source}
        if blocked:
            extra["action"] = "blocked"
        names = tuple({*anomalies, *(about for about, _ in notes)})
        claims = scope.conversation.claims
        entry = scope.describer.incident(names, self._desk.now(), self.lease, claims, call=call, extra=extra)
        entry = extended(entry, self._fields(sent=True))
        self._desk.journal.keep([entry])
        self.told = True

    def _describe(self, scope: Scope, observer: Observer, drafted: Iterable[_Drafted], fields: bytes) -> None:
        """What cannot be described is told as it was announced."""
        journal, describe = self._desk.journal, scope.describer.describe
        entries = []
        for message, draft, announced in drafted:
            try:
                observer.watch(message)
                entries.append(extended(describe(message, draft), fields))
            except Exception:
                entries.append((draft[0], undescribed(announced[1])))
        journal.add(entries)
        journal.watched(scope.conversation)

    def _flooded(self, message: Message) -> bool:
        """Whether one more message that nobody can read is only counted."""
        self._unreadable += 1
        if self._unreadable <= _MOST_UNREADABLE:
            return False
        self._desk.journal.fail("unreadable-flood", 1 + message.unsaid)
        return True

    def _fields(self, *, sent: bool) -> bytes:
        """What is said beside a message, or an incident."""
        if self.http is None:
            return self._told + self._caller.sent
        return self._told + self._caller.sent + self.http if sent else self._told + self.http
