"""What the steps of every rule find in each call of one turn, kept while the turn grows.

A step looks at one call, the actions before it, and what the turn's listings say of its tool, so a call is asked again
only when one of these, or the totals of its server's baseline, changed. The answer is the same as if every call were
asked every time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from ...baseline import BaselineView, actions_before, is_action
from ...events import Call
from ...turn import Turn
from .asking import Asked, Index, Subjects
from .conditions import Judging
from .matching import Chain, Match, chained, matches_of
from .rule import Rule
from .verdicts import Failed

__all__ = ["Growing"]

_Place = tuple[str, int]  # a rule and the number of its step
_Holders = dict[_Place, set[str]]  # the calls that have something there
_Circumstances = tuple[object, ...]


@dataclass(slots=True)
class _Found:
    """Of one revision of one call: matches, matches with the unknown taken for true where that differs, what was
    unknown, and which rules raised. Only steps with an answer stand here."""

    call: Call
    around: _Circumstances
    matches: dict[_Place, Sequence[Match]] = field(default_factory=dict)
    lenient: dict[_Place, Sequence[Match]] = field(default_factory=dict)
    unknown: dict[_Place, Sequence[str]] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)

    @property
    def answered(self) -> Set[_Place]:
        return self.matches.keys() | self.lenient.keys()

    @property
    def rules(self) -> Iterable[str]:
        """Those of which a step has an answer or a doubt, once for each such step, and those that raised."""
        return [*(rule for rule, _ in self.answered | self.unknown.keys()), *self.failed]


class Growing:
    """Of one turn and one set of rules. A view's counts of a key must not change once they were asked for."""

    def __init__(self) -> None:
        self._rules: Index[Sequence[Asked]] | None = None
        self._order: tuple[str, ...] = ()
        self._found: dict[str, _Found] = {}
        self._answered: _Holders = {}
        self._doubtful: _Holders = {}
        self._touched: Counter[str] = Counter()

    def take(self, rules: Index[Sequence[Asked]], turn: Turn, views: Mapping[str, BaselineView]) -> list[Failed]:
        """Ask the calls that are new or changed, and say which rules raised; forget the calls that are gone, and
        everything under other rules."""
        self._order = tuple(call.call_id for call in turn.calls)
        gone = self._found.keys() if rules is not self._rules else self._found.keys() - set(self._order)
        for call_id in tuple(gone):
            self._forget(call_id)
        self._rules = rules
        listed, orders, failed = _listings(turn), _orders(turn), list[Failed]()
        for call in turn.calls:
            order = orders.get(call.call_id, ())
            around = (listed.get(call.server.id, ()), order, *_totals(views.get(call.server.id)))
            kept = self._found.get(call.call_id)
            if kept is None or kept.call is not call or kept.around != around:
                found = _ask(rules, turn, _Found(call, around), views)
                failed += found.failed.values()
                self._keep(found)
        return failed

    @property
    def touched(self) -> Set[str]:
        """The ids of the rules of which a step found or doubted something; of most none did."""
        return self._touched.keys()

    def chain(self, rule: Rule, *, lenient: bool = False) -> Chain:
        """The matches of a rule over the whole turn; `lenient` takes the unknown for true."""
        found = []
        for number in range(len(rule.steps)):
            matches = [*self._matches((rule.id, number), lenient)]
            if not matches:
                return ()
            found.append(matches)
        return chained(rule, found)

    def unknown(self, rule: Rule) -> list[str]:
        """What the steps of a rule would have needed to know, in order of step and call."""
        places = [(rule.id, number) for number in range(len(rule.steps))]
        return [
            reason
            for place in places
            for found in self._holding(self._doubtful, place)
            for reason in found.unknown[place]
        ]

    def failed(self, rule: Rule) -> list[str]:
        """Why a rule could not be asked of some calls."""
        held = (found.failed.get(rule.id) for found in self._found.values() if found.failed)
        return [one.reason for one in held if one is not None]

    def _matches(self, place: _Place, lenient: bool) -> Iterator[Match]:
        for found in self._holding(self._answered, place):
            if lenient and place in found.lenient:
                yield from found.lenient[place]
            else:
                yield from found.matches.get(place, ())

    def _holding(self, holders: _Holders, place: _Place) -> Iterator[_Found]:
        """Those with something at a place, in order of call."""
        held = holders.get(place)
        if held:
            yield from (self._found[call_id] for call_id in self._order if call_id in held)

    def _keep(self, found: _Found) -> None:
        call_id = found.call.call_id
        self._forget(call_id)
        self._found[call_id] = found
        for place in found.answered:
            self._answered.setdefault(place, set()).add(call_id)
        for place in found.unknown:
            self._doubtful.setdefault(place, set()).add(call_id)
        self._touched.update(found.rules)

    def _forget(self, call_id: str) -> None:
        found = self._found.pop(call_id, None)
        if found is None:
            return
        for place in found.answered:
            self._answered[place].discard(call_id)
        for place in found.unknown:
            self._doubtful[place].discard(call_id)
        self._touched -= Counter(found.rules)


def _ask(rules: Index[Sequence[Asked]], turn: Turn, found: _Found, views: Mapping[str, BaselineView]) -> _Found:
    """Every step of every rule that can hold about one call."""
    subjects, strict = Subjects(turn, found.call), Judging(views)
    for rule, number, step in rules.of(found.call):
        try:
            if matches := matches_of(rule, step, subjects, strict):
                found.matches[rule.id, number] = matches
            if strict.unknown:
                lenient = Judging(views, lenient=True)
                found.lenient[rule.id, number] = matches_of(rule, step, subjects, lenient)
                found.unknown[rule.id, number] = lenient.unknown
                strict = Judging(views)
        except Exception as error:
            found.failed[rule.id] = Failed(rule.id, error)
            strict = Judging(views)
    return found


def _listings(turn: Turn) -> dict[str, tuple[object, ...]]:
    """By server what its calls told of its tools: what a rule can ask of a tool's description comes from there."""
    listed: dict[str, tuple[object, ...]] = {}
    for call in turn.calls:
        if call.tools:
            listed[call.server.id] = (*listed.get(call.server.id, ()), call.tools)
    return listed


def _orders(turn: Turn) -> dict[str, tuple[str, ...]]:
    """By action the orders it ends, which baselines count."""
    actions = [call for call in turn.calls if is_action(call)]
    return {call.call_id: actions_before(actions, at) for at, call in enumerate(actions)}


def _totals(view: BaselineView | None) -> tuple[int, int]:
    return (view.sessions, view.principals) if view else (0, 0)
