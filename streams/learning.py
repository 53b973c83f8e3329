"""What a turn teaches when it closes: facts for the baselines, a turn for training. Pure.

What raised something teaches nothing; it is set aside with what it would have taught, until somebody says what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from ..models.baseline import BaselineView, turn_keys
from ..models.features import measured
from ..models.history import principal_of, reduced, session_of, to_json
from ..models.observation import cleared
from ..models.turn import Turn
from .known import Learn, Quarantine, Remember, Sampled
from .openturn import OpenTurn

__all__ = ["lessons", "quarantined"]

_SATURATED = 10_000
_MOST_UNUSUAL = 64  # facts of one turn on one server


def lessons(open_turn: OpenTurn) -> tuple[Learn | Remember, ...]:
    """The writes for a turn of normal calls."""
    turn = open_turn.turn()
    if not turn.calls:
        return ()
    writes: list[Learn | Remember] = [_learn(open_turn, turn, server) for server in turn.servers if server]
    if measured(turn).calls:
        body = to_json(reduced(turn))
        writes.append(Remember(turn=open_turn.key, started_ns=turn.calls[0].started_ns, body=body))
    return tuple(writes)


def quarantined(open_turn: OpenTurn, findings: Sequence[str], sampled: Sequence[Sampled]) -> Quarantine | None:
    """The turn set aside for these findings; None where it has none, so that nobody will ever say what it was.
    `sampled`: what is kept of it already, which says that it raised something."""
    turn = open_turn.turn()
    if not findings or not turn.calls:
        return None
    unusual = {server: facts for server in turn.servers if server and (facts := _unusual(open_turn, turn, server))}
    told = "\n".join(f"{server} {fact}" for server, facts in sorted(unusual.items()) for fact in sorted(facts))
    released = tuple(replace(one, body=cleared(one.body)) for one in sampled)
    return Quarantine(
        turn=open_turn.key,
        findings=tuple(findings),
        seen_ns=open_turn.last_ns,
        lessons=(*lessons(open_turn), *released),
        unusual=unusual,
        alike=hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
        principal=principal_of(turn),
        by_score=bool(unusual) and not open_turn.ruled,
    )


def _unusual(open_turn: OpenTurn, turn: Turn, server: str) -> tuple[str, ...]:
    """The facts that would be learned and that nobody had made known."""
    view = open_turn.views.get(server) or BaselineView(server)
    facts = [key for key in turn_keys(turn.calls, server, learned=True) if not view.known(key)]
    return tuple(dict.fromkeys(facts))[:_MOST_UNUSUAL]


def _learn(open_turn: OpenTurn, turn: Turn, server: str) -> Learn:
    view = open_turn.views.get(server) or BaselineView(server)
    keys = turn_keys(turn.calls, server, learned=True)
    background = all(call.state == "background" for call in turn.calls)
    workload = turn.calls[0].workload
    return Learn(
        server=server,
        session=workload if background else session_of(turn),
        principal=workload if background else principal_of(turn),
        keys=tuple(key for key in keys if view.support(key).sessions < _SATURATED),
        seen_ns=open_turn.last_ns,
        counts=not background and view.sessions < _SATURATED,
        turn=open_turn.key,
    )
