"""`make bench-rules`: what all rules together cost a call, and how long all their own tests take."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from statistics import median
from typing import TypeVar

from ....models.baseline import Baseline, BaselineView, turn_keys
from ....models.detections.engine import Content, Growing, Memory, Place, Rulebook
from ....models.detections.engine.proof import prove
from ....models.errors import ConfigError
from ....models.events import Call
from ....models.turn import Turn
from ....streams.sightings import Sightings
from ..report import Row
from ..run import Measured, Plan, main
from .traffic import known, turns

__all__ = ["measure"]

T = TypeVar("T")
_PARTS = ("", "cost", "tests")
_BAR_US = 200.0
_ROUNDS = 8
_BAR_TESTS_S = 10.0
_MIXES = {"10 effects a call": 10, "40 effects a call": 40}


@dataclass(slots=True)
class _Costs:
    """Microseconds of each call, by what they went into."""

    turn: list[float] = field(default_factory=list)
    additions: list[float] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)
    store: list[float] = field(default_factory=list)
    places: int = 0
    held: int = 0

    @property
    def all(self) -> list[float]:
        return [sum(each) for each in zip(self.turn, self.additions, self.windows, strict=True)]

    def least(self, other: _Costs) -> _Costs:
        """The same calls judged twice: what each took when least else was going on."""
        both = [(self.turn, other.turn), (self.additions, other.additions), (self.windows, other.windows)]
        turn, additions, windows, store = (
            [*map(min, one, another)] for one, another in [*both, (self.store, other.store)]
        )
        return _Costs(turn, additions, windows, store, self.places, self.held)


def measure(plan: Plan) -> Measured:
    """Both parts, or the one that was asked for. Raises ConfigError."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose cost or tests")
    book = Rulebook.load()
    rows = [Row(name="rules", value=len(book.rules), unit="")]
    if plan.only != "tests":
        normal = known()
        for mix, effects in _MIXES.items():
            plan.tell(mix)
            told = [*turns(60 if plan.quick else 400, effects=effects)]
            rounds = (_costs(book, told, normal) for _ in range(2 if plan.quick else _ROUNDS))
            rows += _cost(reduce(_Costs.least, rounds), mix)
    if plan.only != "cost":
        plan.tell("the rules' own tests")
        rows += _tests(book)
    return Measured(rows=rows)


def _costs(book: Rulebook, told: Sequence[Turn], normal: Baseline) -> _Costs:
    """Calls as they arrive, one after the other: the turn is judged again at each, and so are the windows. What was
    there before is not looked through for garbage, as in a worker."""
    gc.collect()
    gc.freeze()
    arrivals = _Arrivals(book)
    for turn in told:
        views = {normal.server: normal.view(turn_keys(turn.calls, normal.server))}
        growing = Growing()
        for upto in range(1, len(turn.calls) + 1):
            arrivals.take(Turn(turn.key, turn.calls[:upto]), views, growing)
    return arrivals.costs


def _cost(costs: _Costs, mix: str) -> list[Row]:
    calls = len(costs.all)
    return [
        Row(name=f"all rules, {mix}: mean", value=sum(costs.all) / calls, unit="us a call", at_most=_BAR_US),
        Row(name=f"all rules, {mix}: p50", value=median(costs.all), unit="us a call"),
        Row(name=f"all rules, {mix}: p99", value=sorted(costs.all)[calls * 99 // 100], unit="us a call"),
        Row(name=f"of it rules about a turn, {mix}", value=sum(costs.turn) / calls, unit="us a call"),
        Row(name=f"of it what windows want, {mix}", value=sum(costs.additions) / calls, unit="us a call"),
        Row(name=f"of it judging windows, {mix}", value=sum(costs.windows) / calls, unit="us a call"),
        Row(name=f"beside it the store's part in memory, {mix}", value=sum(costs.store) / calls, unit="us a call"),
        Row(name=f"windows asked of the store, {mix}", value=costs.places / calls, unit="a call"),
        Row(name=f"sightings in them, {mix}", value=costs.held / calls, unit="a call"),
    ]


class _Arrivals:
    """What stage 2 asks of the rules at every call, with the store in memory."""

    def __init__(self, book: Rulebook) -> None:
        self._book, self._sightings, self._memory = book, Sightings(book), Memory()
        self.costs = _Costs()

    def take(self, part: Turn, views: dict[str, BaselineView], growing: Growing) -> None:
        call, costs = part.calls[-1], self.costs
        us, additions = _timed(lambda: self._sightings.wanted((call,)))
        costs.additions.append(us)
        us, windows = _timed(lambda: {addition.place: self._memory.add(addition) for addition in additions})
        costs.store.append(us)
        costs.places += len(windows)
        costs.held += sum(len(content.held) for content in windows.values())
        us, _ = _timed(lambda: self._book.evaluate(part, views, growing))
        costs.turn.append(us)
        us, _ = _timed(lambda: self._watched(call, windows))
        costs.windows.append(us)

    def _watched(self, call: Call, windows: dict[Place, Content]) -> None:
        said = self._sightings.watch(call, windows)
        self._sightings.follow(call, windows, said.rules)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    """Microseconds of processor time: what others do on the machine is no cost of ours."""
    begun = time.thread_time_ns()
    done = work()
    return (time.thread_time_ns() - begun) / 1000, done


def _tests(book: Rulebook) -> list[Row]:
    begun = time.process_time()
    problems = [problem for rule in book.rules for problem in prove(rule)]
    took = time.process_time() - begun
    return [
        Row(name="tests inside the rules", value=sum(len(rule.tests) for rule in book.rules), unit=""),
        Row(name="all of them", value=took, unit="s", at_most=_BAR_TESTS_S),
        Row(name="claims that do not hold", value=len(problems), unit="", at_most=0),
    ]


if __name__ == "__main__":
    sys.exit(main("rules", measure))
