"""What the watches of one HTTP gateway share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ....models.digest import Keyring
from ....models.events import Peer
from ..clock import Now
from ..facts.sessions import SessionIds, Sessions
from ..observer.ledger import Call
from ..policy.policy import Policy
from .caller import Caller, Callers, Seen, seen
from .head import RequestHead
from .journal import Journal
from .lease import AsyncLease
from .memory import Memory
from .scopes import Scopes
from .written import written

__all__ = ["Desk", "Known"]

Parameters = Callable[[Call], Mapping[str, tuple[str, ...]] | None]


@dataclass(slots=True, kw_only=True)
class Desk:
    """`endpoint` is the path of MCP, empty where any may be; `authority` the host that absolute URLs of the server may
    name; `parameters` gives the headers that the schema of a called tool asks for. A policy that forbids nothing is
    None.
    """

    keyring: Keyring
    callers: Callers
    scopes: Scopes
    journal: Journal
    lease: AsyncLease
    memory: Memory
    now: Callable[[], Now]
    new_id: Callable[[], str]
    new_trace: Callable[[], str]
    inspect_bytes: int
    endpoint: str = ""
    authority: str = ""
    audiences: tuple[str, ...] = ()
    policy: Policy | None = None
    closed: bool = True  # whether what cannot be judged is forbidden, where there is a policy
    parameters: Parameters = lambda call: None
    sessions: Sessions = field(default_factory=Sessions)
    session_ids: SessionIds = field(default_factory=SessionIds)


class Known:
    """What is known of one client connection; `told` holds the fields of its events."""

    def __init__(self, peer: Peer, connection_id: str) -> None:
        self._connection_id = connection_id
        self._fields: object = None
        self._seen: Seen = ()
        self._caller: Caller | None = None
        self.found(peer)

    def found(self, peer: Peer) -> None:
        """More was found out about the peer."""
        self.peer = peer
        self.told = written(connection_id=self._connection_id, peer=peer)

    def caller(self, head: RequestHead, callers: Callers) -> Caller:
        """Clients repeat their heads: facts are made anew when something in them changed."""
        if head.fields is not self._fields or self._caller is None:
            self._fields, now = head.fields, seen(head)
            if now != self._seen or self._caller is None:
                self._seen, self._caller = now, callers.of(head, self.peer)
        return self._caller
