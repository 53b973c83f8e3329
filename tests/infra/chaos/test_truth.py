"""What counts as lost, and what does not."""

from __future__ import annotations

from dataclasses import replace

from triptych.infra.chaos.truth import Truth, lost, truth_of
from triptych.models.events import Alert, Call, Coverage, Effect
from triptych.models.turn import EARLY

WHOLE = Call(call_id="a", state="complete", coverage=Coverage(protocol=True), effects=(Effect(source="b#0"),))
EARLIER = replace(WHOLE, revision=-9, effects=(), coverage=Coverage(protocol=True, notes=(EARLY,)))
PART = replace(WHOLE, state="segment", revision=3, effects=(), coverage=Coverage())
FINDING = Alert(finding_uid="f", correlation_id="t", activity="close")


def told(*calls: Call, alerts: tuple[Alert, ...] = ()) -> Truth:
    return truth_of(calls, alerts, {}, {})


def test_repetitions_early_records_and_parts_are_no_loss() -> None:
    assert lost(told(WHOLE), told(EARLIER, WHOLE, PART, WHOLE)).total == 0


def test_a_call_that_is_not_there_is_missing() -> None:
    assert lost(told(WHOLE), told(PART)).calls_missing == ("a",)


def test_a_repetition_with_fewer_effects_is_a_change_and_is_shown() -> None:
    losses = lost(told(WHOLE), told(WHOLE, replace(WHOLE, effects=())))
    assert (losses.calls_changed, len(losses.differences)) == (("a",), 1)


def test_a_finding_under_another_uid_is_missing_and_foreign() -> None:
    losses = lost(told(alerts=(FINDING,)), told(alerts=(replace(FINDING, finding_uid="g"),)))
    assert (losses.findings_missing, losses.uids_foreign) == (("f",), ("g",))


def test_sessions_and_dead_letters_are_counted() -> None:
    expected = Truth(calls={}, findings={}, learned={"files": 4}, buried={"W01": 2})
    found = Truth(calls={}, findings={}, learned={"files": 3, "other": 9}, buried={"W03": 1})
    losses = lost(expected, found)
    assert (losses.sessions_missing, losses.buried_wrong, losses.total) == (1, 3, 4)
