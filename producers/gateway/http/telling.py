"""The events of one exchange: what is said of HTTP, peer and connection stands beside what the message says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import Fragment

from ....models.events import Lease
from ..observer.ledger import Call
from ..observer.observe import CLIENT, Message, Observer
from ..spool.record import Entry
from .caller import Caller
from .desk import Desk, Known
from .scopes import Scope

__all__ = ["Telling"]

_MOST_UNREADABLE = 64  # events for unreadable messages of one exchange; the rest is counted
Note = tuple[str, str]


class Telling:
    """`told` says whether any event stands for the exchange yet."""

    __slots__ = ("_caller", "_desk", "_told", "_unreadable", "http", "lease", "told")

    def __init__(self, desk: Desk, known: Known, caller: Caller) -> None:
        self._desk, self._caller = desk, caller
        self._told = caller.told | known.told
        self.http: Fragment | None = None  # of the response, once there is one
        self.lease: Lease = "none"
        self.told = False
        self._unreadable = 0

    def over(self, pair: Fragment | None) -> None:
        """The connection to the server that carries this exchange alone."""
        if pair is not None:
            self._told["upstream"] = pair

    def messages(self, scope: Scope, observer: Observer, messages: Sequence[Message], *, at_once: bool = False) -> None:
        """At least one. `at_once`: all are on disk when this returns, or their loss is counted."""
        journal, now = self._desk.journal, messages[0].now if self.lease == "none" else self._desk.now()
        entries: list[Entry] = []
        for message in messages:
            if message.shape.kind == "invalid":
                self._unreadable += 1
                if self._unreadable > _MOST_UNREADABLE:
                    journal.fail("unreadable-flood")
                    continue
            try:
                observer.watch(message)
                extra = self._extra(credentials=message.direction == CLIENT)
                entries.append(scope.describer.message(message, now, self.lease, extra))
            except Exception as error:  # what cannot be described costs its own event and no other
                journal.fail(type(error).__name__)
            if message.unsaid:
                journal.fail("batch-truncated", message.unsaid)
        (journal.keep if at_once else journal.add)(entries)
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
        extra = self._extra(credentials=True)
        if call is None:
            extra["conversation"], extra["conversation_source"] = self._caller.conversation, self._caller.source
        if blocked:
            extra["action"] = "blocked"
        extra["evidence"] = [{"about": about, "detail": detail} for about, detail in notes if detail]
        names = tuple({*anomalies, *(about for about, _ in notes)})
        claims = scope.conversation.claims
        entry = scope.describer.incident(names, self._desk.now(), self.lease, claims, call=call, extra=extra)
        self._desk.journal.keep([entry])
        self.told = True

    def _extra(self, *, credentials: bool) -> dict[str, Any]:
        extra = self._told | self._caller.sent if credentials or self.http is None else self._told.copy()
        if self.http is not None:
            extra["http"] = self.http
        return extra
