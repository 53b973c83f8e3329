"""Made-up calls of several people, clients and servers over HTTP, with the effects that honest calls have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from ....models.baseline import Baseline
from ....models.events import Authorization, Call, HttpFact, Peer
from ....models.testing import call, definition, effect
from ....models.testing_traffic import learned, sessions
from ....models.turn import Turn

__all__ = ["known", "turns"]

_SESSIONS = 48
_TOOLS = ("list_dir", "read_config", "search", "write_note", "fetch_page", "send_report")


def known() -> Baseline:
    """What is normal of the server."""
    return learned(sessions(_SESSIONS))


def turns(count: int, *, effects: int, seed: int = 0) -> Iterator[Turn]:
    """Turns of the made-up server in order of time, each call with at least so many effects. One turn in fifty lists
    the tools, one call in a hundred fails."""
    draw = random.Random(seed)  # noqa: S311  made-up traffic
    made = sessions(count, seed=seed + 1, first=_SESSIONS)
    for number, one in enumerate(made[:count]):
        calls = [_dressed(draw, each, effects) for each in one.calls]
        if number % 50 == 0:
            tools = tuple(definition(tool) for tool in _TOOLS)
            first = one.calls[0]
            at_s = (first.started_ns - calls[0].started_ns) / 1e9
            listed = call("list", at_s=at_s, method="tools/list", tools=tools, correlation_id=one.key)
            calls.insert(
                0, replace(listed, tool=None, started_ns=first.started_ns - 1, conversation=first.conversation)
            )
        yield replace(one, calls=tuple(calls))


def _dressed(draw: random.Random, one: Call, effects: int) -> Call:
    """A call as it comes over HTTP: who, from where, with which token; and the reads that every program makes."""
    who = sum(map(ord, one.principal.id))
    more = [
        effect("open", one.started_ns / 1e9, path=f"/usr/lib/python3/{draw.randrange(200)}.py", result=3)
        for _ in range(effects - len(one.effects))
    ]
    reads = tuple(
        replace(read, wall_ns=one.started_ns + index, source=f"{one.call_id}#m{index}")
        for index, read in enumerate(more)
    )
    return replace(
        one,
        effects=(*one.effects, *reads),
        is_error=one.is_error or draw.random() < 0.01,
        claimed_client="desk 1.2",
        conversation_source="session_header",
        authorization=Authorization(scheme="bearer", token_digest=f"{who:032x}", format="opaque"),
        peer=Peer(address=f"198.51.100.{who % 250}", port=50000),
        http=HttpFact(method="POST", path="/mcp", session_digest=one.conversation, user_agent="desk/1.2"),
        arguments_digest=f"{draw.getrandbits(64):016x}",
    )
