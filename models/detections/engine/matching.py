"""Finding the steps of one rule in one turn. Pure; time is what stands in the events.

A step follows another in event time: in the same call, or in a call that began after the other's reply, because an
agent can only carry on what it was told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ...baseline import BaselineView
from ...bindings import BINDINGS
from ...turn import RUNNING
from .asking import Subjects
from .conditions import Judging, Seen
from .rule import STATES, Rule, Step
from .subjects import Subject

__all__ = ["Chain", "Match", "chained", "matches_of"]

_MOST = 20  # matches that a rule of one step reports


@dataclass(frozen=True, slots=True)
class Match:
    """One step, what matched it, and what it rests on: counts of the baseline, and facts of a window in words."""

    step: str
    subject: Subject
    seen: tuple[Seen, ...] = ()
    said: tuple[str, ...] = ()


Chain = tuple[Match, ...]


def matches_of(rule: Rule, step: Step, subjects: Subjects, judging: Judging) -> list[Match]:
    """What of a call, one that the rule speaks of and that the step is worth asking about, matches the step."""
    found, rest = [], step.rest
    for subject in subjects.of(step):
        if judging.seen:
            judging.seen.clear()
        if (rest is None or rest(subject, judging)) and (match := _sure(rule, step, subject, judging)) is not None:
            found.append(match)
    return found


def chained(rule: Rule, found: Sequence[Sequence[Match]]) -> Chain:
    """The matches of a rule from those of each step over a turn, none of them empty: the first chain of all its steps,
    or what matches its only step."""
    return tuple(found[0][:_MOST]) if len(found) == 1 else _first_chain(rule.steps, found)


def _sure(rule: Rule, step: Step, subject: Subject, judging: Judging) -> Match | None:
    """The match, unless the rule lacks what it needs to rest on it."""
    if lacks := _lacks(rule, subject, judging):
        judging.unknown.append(lacks)
        if not judging.lenient:
            return None
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


def _first_chain(steps: Sequence[Step], found: Sequence[Sequence[Match]]) -> Chain:
    """The first chain of matches, one a step. Built from its end, so that a turn full of near misses costs n log n."""
    chains: list[Chain] = [(match,) for match in found[-1]]
    for step, matches in zip(reversed(steps[1:]), reversed(found[:-1]), strict=True):
        followers = _Followers(step, chains)
        chains = [(match, *rest) for match in matches if (rest := followers.first(match.subject))]
    return chains[0] if chains else ()


class _Followers:
    """Chains by the call and the time of their first match."""

    def __init__(self, step: Step, chains: Sequence[Chain]) -> None:
        self._step = step
        self._groups: dict[int, list[Chain]] = {}
        for chain in sorted(chains, key=self._time):
            self._groups.setdefault(self._group(chain[0].subject), []).append(chain)

    def first(self, before: Subject) -> Chain:
        """The earliest chain that follows `before`; empty for none."""
        chains = self._groups.get(self._group(before), [])
        if self._step.call != "same" and RUNNING in before.call.coverage.notes:
            return ()  # nothing began after a reply that has not come
        since = before.end_ns if self._step.call == "same" else max(before.call.ended_ns, before.end_ns)
        for index in range(bisect_left(chains, since, key=self._time), len(chains)):
            after = chains[index][0].subject
            if self._step.within_ns is None or after.start_ns - before.end_ns <= self._step.within_ns:
                if not self._overlap(before, after):
                    return chains[index]
            elif self._step.call == "same":
                break
        return ()

    def _group(self, subject: Subject) -> int:
        return id(subject.call) if self._step.call == "same" else 0

    def _time(self, chain: Chain) -> int:
        subject = chain[0].subject
        return subject.start_ns if self._step.call == "same" else subject.call.started_ns

    def _overlap(self, before: Subject, after: Subject) -> bool:
        """Whether both are one thing, which cannot follow itself."""
        if self._step.call == "same":
            return before.effect is after.effect and before.definition is after.definition
        return before.call is after.call
