"""Rules that raise, as a worker meets them: the record is judged by all others, and the failure is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from structlog.testing import capture_logs

from triptych.models.custom import RuleSet
from triptych.models.detections.engine import Addition, Hit, Rule, Rulebook, Windowed
from triptych.models.detections.engine.conditions import Judging as Asking
from triptych.models.detections.engine.subjects import Subject
from triptych.models.events import Alert, Call
from triptych.models.testing import call, read, send
from triptych.models.turn import Turn
from triptych.streams.judgement import Judge, Judging
from triptych.streams.pins import Pin
from triptych.streams.stage import Step
from triptych.streams.turns import JudgeTimes, Turns

READS = "execution.credential-read"
RULES = Rulebook.load()


def boom(subject: Subject, judging: Asking) -> bool:
    raise ValueError("a bug")


def failing(rule: Rule) -> Rule:
    return replace(rule, steps=(replace(rule.steps[0], where=boom, rest=boom), *rule.steps[1:]))


BROKEN = Rulebook([failing(rule) if rule.id == READS else rule for rule in RULES.rules])


class Raising:
    """A set of rules that cannot be asked anything."""

    rules: Sequence[Rule] = ()

    def evaluate(self, turn: Turn) -> tuple[Hit, ...]:
        raise ValueError("a bug")

    def additions(self, call: Call) -> tuple[Addition, ...]:
        raise ValueError("a bug")

    def watch(self, call: Call, windows: object) -> Windowed:
        raise ValueError("a bug")


def stage(rules: Rulebook, *others: RuleSet) -> tuple[Turns, Judge]:
    judge = Judge(Judging(), rules, others=others)
    return Turns(JudgeTimes(), judge), judge


def theft(number: int = 0) -> Call:
    made = call("read_config", read("/home/ann/.aws/credentials", 0.1), send("198.51.100.66:9911", 400_000, at_s=0.2))
    return replace(made, call_id=f"theft-{number}", correlation_id=f"{number:032x}")


def alerts(step: Step) -> list[Alert]:
    return [output.value for output in step.outputs if isinstance(output.value, Alert)]


def test_a_record_is_judged_by_the_other_rules_and_the_finding_says_which_one_failed() -> None:
    turns, _ = stage(BROKEN)
    [alert] = alerts(turns.add(theft(), Pin(), None))
    assert READS not in {hit.id for hit in alert.rules}
    assert any(f"{READS} (the rule failed: ValueError)" in note for note in alert.coverage.notes)
    assert turns.counts()["rule_failed"] == 1


def test_a_failing_rule_is_logged_once_until_rules_are_loaded_anew() -> None:
    turns, judge = stage(BROKEN)
    with capture_logs() as logs:
        for number in range(3):
            turns.add(theft(number), Pin(), None)
        assert [line["rule"] for line in logs] == [READS]
        judge.use(BROKEN, ())
        turns.add(theft(4), Pin(), None)
    assert [line["rule"] for line in logs] == [READS, READS]
    assert turns.counts()["rule_failed"] == 4


def test_a_rule_that_was_mended_speaks_again() -> None:
    turns, judge = stage(BROKEN)
    turns.add(theft(), Pin(), None)
    judge.use(RULES, ())
    [alert] = alerts(turns.add(theft(1), Pin(), None))
    assert READS in {hit.id for hit in alert.rules}


def test_a_set_of_rules_that_raises_costs_no_finding() -> None:
    turns, _ = stage(RULES, Raising())
    one = theft()
    turns.wanted([one])
    [alert] = alerts(turns.add(one, Pin(), None))
    assert {hit.id for hit in alert.rules} >= {READS}
    assert turns.counts()["rule_failed"] == 3
