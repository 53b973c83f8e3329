"""A self-check without attacks: normal turns with one foreign act added to them, as an injected instruction would.

What of them a model finds at a nominal 1 % ranks models as real attacks do, on a server's own traffic. It is a gate
against regressions, never an estimate of what is found.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .acting import acts
from .baseline import Baseline, is_action
from .events import ArgumentFact, Call, Origin
from .features import measured, rows
from .form import Form
from .history import session_of
from .learned import views_of
from .sources import prompt_told
from .turn import Turn

__all__ = ["finds_less", "self_check", "tampered"]

NOMINAL = 0.01
_MOST = 100  # turns of one server
_FROM_RESULT = 0.85
_WORSE = 0.15
_KEPT = 0.25  # values of the foreign act that stay as they were


def self_check(form: Form, turns: Sequence[Turn], learned: Mapping[str, Baseline], *, seed: int) -> dict[str, float]:
    """For each server that is ever acted on the share of its tampered turns that the form finds at a nominal 1 %."""
    found: dict[str, list[bool]] = {}
    pool = _acts(turns)
    draw = random.Random(seed)  # noqa: S311  what is drawn is no secret, and must be the same again
    for turn in turns:
        server = turn.servers[0]
        if server in pool and len(found.setdefault(server, [])) < _MOST:
            changed = measured(tampered(turn, draw.choice(pool[server]), draw))
            views = views_of(changed, learned, {session_of(turn)})
            score = float(form.raw(rows(changed, views)).max())
            found[server].append(form.p(score, form.new_tasks(turn.servers)) <= NOMINAL)
    return {server: sum(caught) / len(caught) for server, caught in found.items()}


def finds_less(checked: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    """On which servers one self-check finds much less than another, each as a reason not to change the model."""
    for server, found in sorted(before.items()):
        if (now := checked.get(server, found)) < found - _WORSE:
            yield f"of tampered turns on {server} it finds {now:.0%}, the model in use {found:.0%}"


def tampered(turn: Turn, act: Call, draw: random.Random) -> Turn:
    """The turn with a foreign act at its end, whose values are mostly new and mostly came from a result."""
    last = turn.calls[-1]
    foreign = replace(
        act,
        call_id=f"{last.call_id}/foreign",
        started_ns=last.started_ns + 1,
        ended_ns=last.ended_ns + 1,
        arguments=tuple(_changed(fact, draw, told=prompt_told(last)) for fact in act.arguments),
        coverage=last.coverage,
    )
    return replace(turn, calls=(*turn.calls, foreign))


def _acts(turns: Sequence[Turn]) -> dict[str, list[Call]]:
    """By server the calls that write or send and say what."""
    pool: dict[str, list[Call]] = {}
    for call in (call for turn in turns for call in turn.calls):
        if is_action(call) and call.arguments and acts(call):
            pool.setdefault(call.server.id, []).append(call)
    return pool


def _changed(fact: ArgumentFact, draw: random.Random, *, told: bool) -> ArgumentFact:
    origin: Origin = "result" if draw.random() < _FROM_RESULT else "none"
    if fact.origin == "unknown" and not told:
        origin = "unknown"
    fresh = (f"{draw.getrandbits(128):032x}",)
    return replace(fact, origin=origin, origin_call=None, digests=fact.digests if draw.random() < _KEPT else fresh)
