"""`make bench-rules`: what all rules together cost a call, and how long all their own tests take."""

from __future__ import annotations

import sys
import time
from statistics import mean, median

from ....models.detections.engine import Rulebook
from ....models.detections.engine.proof import prove
from ....models.errors import ConfigError
from ..gateway.compiled import COMPILED, compiled
from ..report import Row
from ..run import Measured, Plan, main
from .costs import Costs, costs

__all__ = ["measure"]

_PARTS = ("", "cost", "tests")
_BAR_US = 200.0
_BAR_TESTS_S = 10.0
_MIXES = {"10 effects a call": 10, "40 effects a call": 40}


def measure(plan: Plan) -> Measured:
    """Both parts, or the one that was asked for. Raises ConfigError."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose cost or tests")
    book = Rulebook.load()
    rows = [Row(name="rules", value=len(book.rules), unit="")]
    ran = {}
    if plan.only != "tests":
        build = compiled(plan.tell, build=not plan.quick)
        ran["rules"] = COMPILED if build else "Python"
        for mix, effects in _MIXES.items():
            plan.tell(mix)
            rows += _cost(costs(build, effects=effects, quick=plan.quick), mix)
            if build:
                pure = costs(None, effects=effects, quick=plan.quick)
                rows.append(Row(name=f"the same in Python, {mix}: mean", value=mean(pure.all), unit="us a call"))
    if plan.only != "cost":
        plan.tell("the rules' own tests")
        rows += _tests(book)
    return Measured(rows=rows, versions=ran)


def _cost(found: Costs, mix: str) -> list[Row]:
    calls = len(found.all)
    return [
        Row(name=f"all rules, {mix}: mean", value=mean(found.all), unit="us a call", at_most=_BAR_US),
        Row(name=f"all rules, {mix}: p50", value=median(found.all), unit="us a call"),
        Row(name=f"all rules, {mix}: p99", value=sorted(found.all)[calls * 99 // 100], unit="us a call"),
        Row(name=f"of it rules about a turn, {mix}", value=mean(found.turn), unit="us a call"),
        Row(name=f"of it what windows want, {mix}", value=mean(found.additions), unit="us a call"),
        Row(name=f"of it judging windows, {mix}", value=mean(found.windows), unit="us a call"),
        Row(name=f"beside it the store's part in memory, {mix}", value=mean(found.store), unit="us a call"),
        Row(name=f"windows asked of the store, {mix}", value=found.places / calls, unit="a call"),
        Row(name=f"sightings read of them, {mix}", value=found.held / calls, unit="a call"),
    ]


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
