"""Finding the steps of one rule in one turn. Pure; time is what stands in the events.

A step follows another in event time: in the same call, or in a call that began after the other's reply, because an
agent can only carry on what it was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...baseline import BaselineView
from ...turn import Turn
from .conditions import Judging, Seen
from .rule import STATES, Rule, Step
from .subjects import BINDINGS, Subject, candidates

__all__ = ["Match", "find"]

_MOST = 20  # matches that a rule of one step reports


@dataclass(frozen=True, slots=True)
class Match:
    """One step, what matched it, and the counts that it rests on."""

    step: str
    subject: Subject
    seen: tuple[Seen, ...] = ()


def find(rule: Rule, turn: Turn, judging: Judging) -> tuple[Match, ...]:
    """The matches of a rule: the first sequence of all its steps, or what matches its only step; empty for no hit."""
    found: list[list[Match]] = []
    for step in rule.steps:
        matches = [match for subject in candidates(turn, step.on) if (match := _try(rule, step, subject, judging))]
        if not matches:
            return ()
        found.append(matches)
    if len(found) == 1:
        return tuple(found[0][:_MOST])
    return _sequence(rule.steps, found)


def _try(rule: Rule, step: Step, subject: Subject, judging: Judging) -> Match | None:
    lacks = _lacks(rule, subject, judging)
    if lacks and not judging.lenient:
        judging.unknown.append(lacks)
        return None
    judging.seen.clear()
    if not step.where(subject, judging):
        return None
    if lacks:
        judging.unknown.append(lacks)
    return Match(step.name, subject, tuple(judging.seen))


def _lacks(rule: Rule, subject: Subject, judging: Judging) -> str:
    """What the rule needs and this subject's circumstances do not give; empty when all is there."""
    effect = subject.effect
    if effect is not None and BINDINGS.index(effect.binding) < BINDINGS.index(rule.needs.binding):
        return f"effects are bound to the call by {effect.binding} only, {rule.needs.binding} is needed"
    server = subject.call.server.id
    state = judging.views.get(server, BaselineView(server)).state
    if STATES.index(state) < STATES.index(rule.needs.baseline):
        return f"the baseline is {state}, {rule.needs.baseline} is needed"
    return ""


def _sequence(steps: Sequence[Step], found: Sequence[Sequence[Match]]) -> tuple[Match, ...]:
    """The first chain of matches, one a step. A dead end is remembered, so the search stays quadratic."""
    dead: set[tuple[int, int]] = set()

    def extend(depth: int, previous: Match | None) -> tuple[Match, ...] | None:
        if depth == len(steps):
            return ()
        for index, match in enumerate(found[depth]):
            if (depth, index) in dead or (previous is not None and not _follows(previous, match, steps[depth])):
                continue
            rest = extend(depth + 1, match)
            if rest is not None:
                return (match, *rest)
            dead.add((depth, index))
        return None

    return extend(0, None) or ()


def _follows(previous: Match, match: Match, step: Step) -> bool:
    before, after = previous.subject, match.subject
    if step.call == "same":
        if after.call is not before.call or after.start_ns < before.end_ns or _same(before, after):
            return False
    elif after.call is before.call or after.call.started_ns < max(before.call.ended_ns, before.end_ns):
        return False
    return step.within_ns is None or after.start_ns - before.end_ns <= step.within_ns


def _same(one: Subject, other: Subject) -> bool:
    return one.effect is other.effect and one.definition is other.definition
