"""Who sends a request and what its head says, in facts: no header value, token or query passes this file unnamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....models.digest import Keyring
from ....models.events import Authorization, ConversationSource, Peer
from ..facts.authorization import authorization, challenge, token_in_query
from ..facts.names import Names
from ..observer.meta import Trace, read_meta
from .head import RequestHead, ResponseHead
from .written import Written, written

__all__ = ["Caller", "Callers", "seen"]

_PATH, _AGENT, _SHORT = 256, 128, 128
_MOST_PARAMETERS = 32
_MOST_CLIENTS = 64
_MODERN = b"2026"
_STANDING_FOR = (b"mcp-method", b"mcp-name", b"mcp-param-")
_PARAMETER = b"mcp-param-"
_READ = (
    b"mcp-session-id",
    b"authorization",
    b"dpop",
    b"user-agent",
    b"origin",
    b"host",
    b"mcp-protocol-version",
    b"traceparent",
)
# Fields of which servers may take the first or the last value.
_SINGLE = frozenset({b"authorization", b"mcp-session-id", b"content-type", b"content-encoding", b"origin", b"accept"})
Seen = tuple[object, ...]
Note = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Caller:
    """One sender with one kind of head. `key` names the state it shares with other requests, `source` what `key` and
    `conversation` were derived from; `told` holds fields of every event, `sent` those of what the client sends,
    `plain` says that no header stands for a message.
    """

    key: str
    path: str
    conversation: str
    source: ConversationSource
    session: str | None  # digest of Mcp-Session-Id
    authorization: Authorization | None
    trace: Trace | None
    notes: tuple[Note, ...]  # anomalies of the head, with their evidence
    http: dict[str, Any]
    plain: bool
    told: Written
    sent: Written
    digest: Callable[[str], str]
    _answers: dict[tuple[int, bool], Written] = field(default_factory=dict)
    _clients: dict[str, str] = field(default_factory=dict)

    def conversation_of(self, client: str) -> str:
        """The conversation of one that also says its name: several may share a machine and a user agent."""
        if client not in self._clients:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[client] = self.digest(f"{self.key}\0{client}")
        return self._clients[client]

    def answered(self, status: int, more: Mapping[str, Any], *, streamed: bool) -> Written:
        """The facts of the request with those of its response."""
        told = None if more else self._answers.get((status, streamed))
        if told is None:
            told = written(http={**self.http, "status": status, "streamed": streamed, **more})
            if not more:
                self._answers[status, streamed] = told
        return told


class Callers:
    """`label` names whoever uses this gateway, where the operator said so."""

    def __init__(self, keyring: Keyring, named: Names, label: str) -> None:
        self._digest = keyring.digest
        self.named, self._label = named, label

    def of(self, head: RequestHead, peer: Peer) -> Caller:
        session = self._digested(head.fields.get(b"mcp-session-id"))
        token = self._authorization(head)
        key, conversation, source = self._conversation(session, token, peer, head.text(b"user-agent") or "")
        http = self._http(head, session)
        sent = written(http=http) if token is None else written(http=http, authorization=token)
        return Caller(
            key=key,
            path=head.path.rstrip("/"),
            conversation=conversation,
            source=source,
            session=session,
            authorization=token,
            trace=_trace(head.text(b"traceparent")),
            notes=tuple(self._notes(head)),
            http=http,
            plain=_plain(head),
            told=written(principal=self._principal(token, peer)),
            sent=sent,
            digest=self._digest,
        )

    def session_key(self, digest: str) -> str:
        """The key of a session that the server has just named."""
        return "session\0" + digest

    def field(self, name: str) -> str:
        """What may be published of a field's name. It came in lower case, which hides what is known by its capitals."""
        loud = name.upper()
        shown = self.named(loud)
        return self.named(name) if shown == loud else shown

    def challenge(self, head: ResponseHead) -> dict[str, Any]:
        """What a refusal asks for, as fields of `http`."""
        said = head.text(b"www-authenticate")
        found = challenge(said, self.named) if said else None
        return {"challenge_error": found.error, "challenge_scopes": found.scopes} if found else {}

    def _http(self, head: RequestHead, session: str | None) -> dict[str, Any]:
        shown: Callable[[bytes, int], str | None] = lambda name, cap: (  # noqa: E731
            None if (value := head.text(name)) is None else self.named(value, cap)
        )
        http = {
            "method": self.named(head.method, 32),
            "path": "/".join(self.named(part) for part in head.path[:_PATH].split("/")),
            "session_digest": session,
            "user_agent": shown(b"user-agent", _AGENT),
            "origin": shown(b"origin", _SHORT),
            "host": shown(b"host", _SHORT),
            "protocol_version": shown(b"mcp-protocol-version", 32),
            "parameter_headers": self._parameters(head.fields),
        }
        return {name: value for name, value in http.items() if value}

    def _parameters(self, fields: Iterable[bytes]) -> list[str]:
        names = sorted(name for name in fields if name.startswith(_PARAMETER))
        return [self.field(name.decode("latin-1")) for name in names[:_MOST_PARAMETERS]]

    def _authorization(self, head: RequestHead) -> Authorization | None:
        value = head.text(b"authorization")
        return authorization(value, self._digest, self.named, proof=b"dpop" in head.fields) if value else None

    def _conversation(
        self, session: str | None, token: Authorization | None, peer: Peer, agent: str
    ) -> tuple[str, str, ConversationSource]:
        """Key, digest and source of the narrowest session that the head tells of."""
        source: ConversationSource
        if session is not None:
            return self.session_key(session), session, "session_header"
        if token is not None:
            source, value = "token", token.token_digest
        else:
            source, value = "peer", f"{peer.address}\0{peer.uid}\0{agent}"
        return source + "\0" + value, self._digest(f"{source}\0{value}"), source

    def _principal(self, token: Authorization | None, peer: Peer) -> dict[str, Any]:
        if self._label:
            return {"kind": "configured", "id": self._label, "executable": peer.executable}
        if token is not None:
            return {"kind": "token", "id": token.subject_digest or token.token_digest, "executable": peer.executable}
        if peer.uid is not None:
            return {"kind": "os_user", "id": f"uid:{peer.uid}", "executable": peer.executable}
        return {"kind": "peer", "id": self._digest("peer\0" + peer.address), "executable": None}

    def _notes(self, head: RequestHead) -> Iterable[Note]:
        for name in sorted(head.repeated & _SINGLE):
            yield "header-repeated", name.decode()
        kind = token_in_query(head.target.partition("?")[2])
        if kind is not None:
            yield "token-in-query", kind

    def _digested(self, value: bytes | None) -> str | None:
        return self._digest(value) if value else None


def seen(head: RequestHead) -> Seen:
    """What of a head a caller depends on: equal heads have equal callers."""
    fields = head.fields
    standing = [name for name in fields if name.startswith(_STANDING_FOR)]
    return (head.method, head.target, head.repeated, *map(fields.get, _READ), *standing)


def _plain(head: RequestHead) -> bool:
    """Whether no header tells of the message that it comes with, as those of a modern client do."""
    version = head.fields.get(b"mcp-protocol-version", b"")
    return version < _MODERN and not any(name.startswith(_STANDING_FOR) for name in head.fields)


def _trace(value: str | None) -> Trace | None:
    """The trace of an HTTP traceparent, read as that of a message is."""
    return read_meta({"_meta": {"traceparent": value}}).trace if value else None
