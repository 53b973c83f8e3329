"""A rule that raises stops only itself, says so, and costs nobody else a finding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from triptych.models.detections.engine import Memory, Rule, Rulebook
from triptych.models.detections.engine.conditions import Judging
from triptych.models.detections.engine.proof import prove
from triptych.models.detections.engine.subjects import Subject
from triptych.models.events import Score
from triptych.models.risk import Judgement
from triptych.models.testing import call, read, send, turn

RULES = Rulebook.load().rules
READS = "execution.credential-read"
PROBES = "protocol.schema-probing"
SECRET = read("/home/ann/.aws/credentials", 0.1)
OUT = send("198.51.100.66:9911", 400_000, at_s=0.2)


def boom(subject: Subject, judging: Judging) -> bool:
    raise ValueError("a bug")


def named(identifier: str) -> Rule:
    [rule] = (rule for rule in RULES if rule.id == identifier)
    return rule


def broken(identifier: str) -> Rulebook:
    """All rules, of which the first step of one raises wherever it is asked."""
    rule = named(identifier)
    failing = replace(rule, steps=(replace(rule.steps[0], where=boom, rest=boom), *rule.steps[1:]))
    return Rulebook([failing if one is rule else one for one in RULES])


@pytest.mark.parametrize(
    "identifier", [rule.id for rule in RULES if rule.window is None and rule.steps[0].on != "score"]
)
def test_every_other_rule_says_the_same_beside_one_that_raises(identifier: str) -> None:
    one = turn(call("read_config", SECRET, OUT), call("send_mail", at_s=2))
    whole = [hit.rule.id for hit in Rulebook(RULES).evaluate(one, {}).hits]
    said = [hit.rule.id for hit in broken(identifier).evaluate(one, {}).hits]
    assert whole
    assert said == [rule for rule in whole if rule != identifier]


def test_what_raised_is_not_judged_and_told_once() -> None:
    said = broken(READS).evaluate(turn(call("read_config", SECRET)), {})
    assert [one.rule for one in said.failed] == [READS]
    assert (READS, "the rule failed: ValueError") in {(one.rule, one.reason) for one in said.not_judged}


def test_a_hit_stands_although_what_makes_it_worse_raises() -> None:
    rule = next(rule for rule in RULES if rule.id == READS)
    escalation: Any = replace(next(one for rule in RULES for one in rule.escalations), step="read", where=boom)
    failing = replace(rule, escalations=(replace(escalation, step=rule.steps[0].name),))
    said = Rulebook([failing]).evaluate(turn(call("read_config", SECRET)), {})
    assert [hit.severity for hit in said.hits] == [rule.severity]
    assert [one.rule for one in said.failed] == [READS]


def test_a_window_that_raises_stops_only_itself() -> None:
    book, memory = broken(PROBES), Memory()
    one = call("query", is_error=True, error_code=-32602)
    additions = book.additions(one)
    whole = Rulebook(RULES).additions(one)
    assert [each.place for each in additions] == [each.place for each in whole if each.place.rule != PROBES]
    said = book.watch(one, {addition.place: memory.add(addition) for addition in additions})
    assert [failed.rule for failed in said.failed] == [PROBES]
    assert (PROBES, "the rule failed: ValueError") in {(each.rule, each.reason) for each in said.not_judged}


def test_a_window_whose_check_raises_costs_no_other_rule() -> None:
    rule = named(PROBES)
    window = rule.window
    assert window is not None

    def check(view: Any) -> None:
        raise ZeroDivisionError

    need = replace(window.needs[0], count=1, checks=(check,))
    failing = replace(rule, window=replace(window, needs=(need,), reach=window.reach._replace(least=1)))
    book, memory = Rulebook([failing if one is rule else one for one in RULES]), Memory()
    one = call("query", is_error=True, error_code=-32602)
    said = book.watch(one, {addition.place: memory.add(addition) for addition in book.additions(one)})
    assert {failed.rule for failed in said.failed} == {PROBES}


def test_a_rule_about_a_score_fails_for_itself() -> None:
    [rule] = (rule for rule in RULES if rule.steps[0].on == "score")
    score = Judgement(Score(risk=90.0, p=1e-4, calibration_size=120, state="active", model_id="m1"))
    said = broken(rule.id).scored(turn(call("read_config")), score)
    assert [one.rule for one in said.failed] == [one.rule for one in said.not_judged] == [rule.id]


def test_a_failing_rule_fails_its_own_tests() -> None:
    [failing] = (rule for rule in broken(READS).rules if rule.id == READS)
    assert any("makes it raise ValueError" in problem for problem in prove(failing))
