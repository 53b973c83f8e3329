"""Which steps of which rules a call is worth asking about, and with what of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from ...events import Call
from ...turn import Turn
from .rule import Rule, Step
from .subjects import Subject, candidates, subject_of
from .traits import Traits, grouped, kind_of, traits_of

__all__ = ["Asked", "Index", "Subjects", "own"]

_REMEMBERED = 4096
Plan = TypeVar("Plan")
Asked = tuple[Rule, int, Step]
"""A rule and one of its steps, with its number."""


def own(call: Call) -> Turn:
    """A call as a turn of its own."""
    return Turn(call.correlation_id or call.call_id, (call,))


class Subjects:
    """The subjects of one call in its turn."""

    def __init__(self, turn: Turn, call: Call) -> None:
        self._turn, self._call = turn, call
        self._every: dict[str, Sequence[Subject]] = {}

    def of(self, step: Step) -> Sequence[Subject]:
        """Those that the step is worth asking about: of most effects the gate tells that they are not."""
        every = self._every.get(step.on)
        if every is None and step.on == "effect":
            return step.gate.effects(self._turn, self._call)
        if every is None:
            every = self._every[step.on] = tuple(candidates(self._turn, self._call, step.on))
        return every


class Index(Generic[Plan]):
    """The steps of many rules by the traits of the calls that they can hold for; `plan` prepares how they are asked."""

    def __init__(self, rules: Iterable[Rule], plan: Callable[[Sequence[Asked]], Plan]) -> None:
        self._rules, self._plan = tuple(rules), plan
        self._known: dict[tuple[Traits, frozenset[Traits]], Plan] = {}

    def of(self, call: Call) -> Plan:
        """What is worth asking about a call, in order of rule and step. What is left out does not hold."""
        traits = kind_of(call)
        known = self._known.get(traits)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[traits] = self._plan(tuple(self._weigh(call)))
        return known

    def _weigh(self, call: Call) -> Iterable[Asked]:
        whole = own(call)
        (about,) = candidates(whole, call, "call")
        effects = [(traits, subject_of(whole, call, each[0][1])) for traits, each in grouped(call).items()]
        subjects = {"call": [(traits_of(call), about)], "effect": effects}
        for rule in self._rules:
            for number, step in enumerate(rule.steps) if rule.speaks_of(call) else ():
                if step.on == "definition":
                    worth = bool(call.tools)
                else:
                    worth = any(_worth(step, traits, one) for traits, one in subjects.get(step.on, ()))
                if worth:
                    yield rule, number, step


def _worth(step: Step, traits: Traits, one: Subject) -> bool:
    """What its gate says; where that raises the step is asked, and who asks it tells."""
    try:
        return step.gate.admits(traits, one)
    except Exception:
        return True
