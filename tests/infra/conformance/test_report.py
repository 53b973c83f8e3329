"""What a person sees of a comparison."""

from __future__ import annotations

import io

from rich.console import Console

from triptych.infra.conformance.compare import Outcome
from triptych.infra.conformance.report import summary, table
from triptych.infra.conformance.scenarios import Scenario

GOOD: Outcome = (("answers", "SUCCESS"), ("in time", "SUCCESS"))
BAD: Outcome = (("answers", "SUCCESS"), ("in time", "FAILURE"))


def scenario(name: str, direct: list[Outcome], through: list[Outcome]) -> Scenario:
    return Scenario(name, lambda: GOOD, lambda: BAD, direct, through)


def shown(*scenarios: Scenario) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(table(scenarios, "all"))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_what_both_sides_fail_is_no_difference() -> None:
    text = shown(scenario("listing", [BAD], [BAD]))
    assert text.count("1 passed, 1 failed") == 2
    assert "same" in text


def test_a_side_that_wavers_shows_how_often_it_gave_what() -> None:
    assert "2 passed (9x)" in shown(scenario("listing", [GOOD] * 10, [BAD, *[GOOD] * 9]))


def test_the_summary_names_what_is_not_the_same_with_its_checks_and_sides() -> None:
    text = summary([scenario("a", [GOOD], [GOOD]), scenario("b", [GOOD] * 3, [BAD] * 3)])
    assert text.splitlines() == [
        "2 scenarios: 1 same, 0 unsteady, 1 different",
        "  b: different",
        "    only direct: in time SUCCESS",
        "    only behind the gateway: in time FAILURE",
    ]


def test_a_scenario_runs_both_sides_until_it_is_settled() -> None:
    found = scenario("listing", [GOOD], [BAD])
    assert found.compare() == "different"
    assert (found.direct, found.through) == ([GOOD] * 3, [BAD] * 3)
