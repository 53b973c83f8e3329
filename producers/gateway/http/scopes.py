"""What requests of one session share: a conversation with its ledgers, and the describer of its events.

A legacy session is named by Mcp-Session-Id, or by the POST address that an HTTP+SSE stream gave. Everything else is
told apart by its token or peer, where JSON-RPC ids are not unique: each exchange then keeps a ledger of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..facts.describe import Connection, Describer
from ..observer.conversation import Conversation, Ledgers
from ..observer.ledger import Call, Ledger, MessageId

__all__ = ["Scope", "Scopes"]

_MOST = 2048
_MOST_LATE = 256
_LATE_NS = 600_000_000_000
_ANNOUNCED = "announced\0"


Waiting = tuple[Call, MessageId]


@dataclass(slots=True)
class Scope:
    """`session` says whether ids are unique in it. `late` holds calls whose reply may come over another exchange."""

    conversation: Conversation
    describer: Describer
    session: bool
    over: bool = False  # no reply will come any more
    late: OrderedDict[str, tuple[Waiting, int]] = field(default_factory=OrderedDict)

    def wait(self, calls: Mapping[str, Waiting], mono_ns: int) -> None:
        """Their exchange is over, they are not."""
        self.late.update({call_id: (waiting, mono_ns) for call_id, waiting in calls.items()})

    def expired(self, mono_ns: int) -> list[Waiting]:
        """Calls that are given up: their reply is out for ten minutes, or too many are, or nothing could bring it."""
        calls = []
        while self.late:
            waiting, since = next(iter(self.late.values()))
            if not self.over and len(self.late) <= _MOST_LATE and mono_ns - since < _LATE_NS:
                break
            self.late.popitem(last=False)
            calls.append(waiting)
        return calls


class Scopes:
    """The 2048 used last. `active` holds all calls that run on the server, whoever asked."""

    def __init__(
        self,
        conversation: Callable[[], Conversation],
        describer: Callable[[Connection], Describer],
        connection: Connection,
        ended: Callable[[list[Call]], None],
    ) -> None:
        self._conversation, self._describer, self._ended = conversation, describer, ended
        self._connection = connection
        self._scopes: OrderedDict[str, Scope] = OrderedDict()
        self._announces = False  # whether any stream ever gave an address
        self.active: dict[str, Call] = {}

    def of(self, key: str, *, session: bool) -> Scope:
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._put(key, self._new(session=session))
        else:
            self._scopes.move_to_end(key)
        return scope

    def begin(self, key: str, of: Scope) -> Scope:
        """A session that begins with what was said in another scope."""
        scope = self._new(session=True)
        scope.conversation.claims = of.conversation.claims
        return self._put(key, scope)

    def announce(self, target: str, of: Scope) -> Scope:
        """The session that a stream answers, by the address that it gave for requests."""
        self._announces = True
        return self.begin(_ANNOUNCED + target, of)

    def announced(self, target: str) -> Scope | None:
        return self._scopes.get(_ANNOUNCED + target) if self._announces else None

    def ledgers(self, scope: Scope) -> Ledgers:
        """For one exchange: those of its session, or for the client's calls one of its own."""
        if scope.session:
            return scope.conversation.ledgers
        return Ledgers(Ledger(active=self.active), scope.conversation.ledgers.client)

    def relocate(self, connection: Connection) -> None:
        """The server is another process by now."""
        self._connection = connection
        for scope in self._scopes.values():
            scope.describer.relocate(connection)

    def _put(self, key: str, scope: Scope) -> Scope:
        replaced = self._scopes.pop(key, None)
        if replaced is None and len(self._scopes) >= _MOST:
            replaced = self._forgotten()
        if replaced is not None:
            self._ended(replaced.conversation.ledgers.server.close())
        self._scopes[key] = scope
        return scope

    def _forgotten(self) -> Scope:
        """The oldest in which nothing runs: whoever names sessions without end must not end the calls of others."""
        oldest = next(iter(self._scopes))
        idle = (key for key, scope in self._scopes.items() if not len(scope.conversation.ledgers.server))
        return self._scopes.pop(next(idle, oldest))

    def _new(self, *, session: bool) -> Scope:
        conversation = self._conversation()
        conversation.ledgers = Ledgers(Ledger(active=self.active))
        return Scope(conversation, self._describer(self._connection), session)
