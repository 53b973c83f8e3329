"""Whose sightings are counted together: the token, session, client or server that a call belongs to.

Both protocol eras give the same answers: without a session header, what the conversation rests on stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...events import Call
from .facets import request_of
from .once import Once

__all__ = ["ENTITIES"]

_HANDLES = frozenset({"session_header", "baggage", "token"})


def _token(call: Call) -> str:
    return call.authorization.token_digest if call.authorization else ""


def _session(call: Call) -> str:
    """What a client shows to be taken for the same one as before; nobody else can show its connection or process."""
    if call.http and call.http.session_digest:
        return call.http.session_digest
    return call.conversation if call.conversation_source in _HANDLES else ""


def _client(call: Call) -> str:
    """The principal through one program; its version does not matter."""
    program = (call.claimed_client or "").split(" ", 1)[0].split("/", 1)[0]
    return f"{call.principal.id} {program}".strip() if call.principal.id else ""


def _subject(call: Call) -> str:
    """Whom a token was made for, by its own claims."""
    return (call.authorization.subject_digest or "") if call.authorization else ""


def _tool(call: Call) -> str:
    return f"{call.server.id} {call.tool}" if call.tool else ""


ENTITIES: Mapping[str, Callable[[Call], str]] = {
    "attempt": Once(lambda call: f"{call.conversation} {_tool(call)}" if call.conversation and call.tool else ""),
    "client": Once(_client),
    "conversation": lambda call: call.conversation,
    "deployment": lambda call: "all" if call.server.id else "",
    "principal": lambda call: call.principal.id,
    "request": lambda call: request_of(call) or "",
    "server": lambda call: call.server.id,
    "session": Once(_session),
    "source": lambda call: call.peer.address if call.peer else "",
    "subject": _subject,
    "token": _token,
    "tool": Once(_tool),
    "workload": lambda call: call.workload,
}
"""By name; an empty answer means that the call belongs to none."""
