"""What counts as lost, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from triptych.infra.chaos.truth import Told, Truth, lost, truth_of, with_verdicts
from triptych.models.events import Alert, Call, Coverage, DeadLetter, Effect
from triptych.models.incidents.incident import assemble, merged
from triptych.models.incidents.member import of_alert
from triptych.models.incidents.ocsf import render
from triptych.models.turn import EARLY

WHOLE = Call(call_id="a", state="complete", coverage=Coverage(protocol=True), effects=(Effect(source="b#0"),))
EARLIER = replace(WHOLE, revision=-9, effects=(), coverage=Coverage(protocol=True, notes=(EARLY,)))
PART = replace(WHOLE, state="segment", revision=3, effects=(), coverage=Coverage())
FINDING = Alert(event_id="f/2", finding_uid="f", sequence=2, correlation_id="t", activity="close", cluster="east")
OTHER = replace(FINDING, event_id="g/1", finding_uid="g", sequence=1, started_ns=1, cluster="west")


def told(*calls: Call, alerts: tuple[Alert, ...] = (), incidents: tuple[Any, ...] = ()) -> Truth:
    return truth_of(Told(calls=calls, alerts=alerts, incidents=incidents), {})


def incident(*alerts: Alert) -> Any:
    return orjson.loads(render(assemble([of_alert(alert) for alert in alerts], tenant="t"), tenant="t"))


def part_of(former: str, *alerts: Alert) -> Any:
    whole = assemble([of_alert(alert) for alert in alerts], tenant="t")
    return orjson.loads(render(merged(former, whole), tenant="t"))


def test_repetitions_early_records_and_parts_are_no_loss() -> None:
    found = told(EARLIER, WHOLE, PART, WHOLE)
    assert lost(told(WHOLE), found).total == 0


def test_a_part_adds_the_effects_that_its_call_has_not() -> None:
    without = replace(WHOLE, effects=())
    assert lost(told(WHOLE), told(without, replace(PART, effects=WHOLE.effects))).total == 0
    assert lost(told(WHOLE), told(without, PART)).changed["calls"] == ("a",)


def test_what_was_told_again_is_counted() -> None:
    assert told(WHOLE, WHOLE, alerts=(FINDING, OTHER, FINDING)).repeated == 2


def test_a_call_that_is_not_there_is_missing() -> None:
    losses = lost(told(WHOLE), told(PART))
    assert losses.missing["calls"] == ("a",)
    assert losses.differences[0].startswith("a is missing")


def test_a_repetition_with_fewer_effects_is_a_change_and_is_shown() -> None:
    losses = lost(told(WHOLE), told(WHOLE, replace(WHOLE, effects=())))
    assert (losses.changed["calls"], len(losses.differences)) == (("a",), 1)


def test_a_finding_under_another_uid_is_missing_and_foreign() -> None:
    losses = lost(told(alerts=(FINDING,)), told(alerts=(replace(FINDING, finding_uid="h"),)))
    assert (losses.missing["findings"], losses.foreign["findings"]) == (("f",), ("h",))


@pytest.mark.parametrize(
    "less",
    [incident(FINDING), incident(replace(FINDING, sequence=1), OTHER), incident(FINDING, replace(OTHER, cluster=""))],
    ids=["a member", "a revision", "a cluster"],
)
def test_an_incident_that_lacks_something_differs(less: Any) -> None:
    whole = incident(FINDING, OTHER)
    losses = lost(told(alerts=(FINDING, OTHER), incidents=(whole,)), told(alerts=(FINDING, OTHER), incidents=(less,)))
    assert losses.changed["incidents"] == (whole["metadata"]["correlation_uid"],)


def test_which_names_an_incident_had_before_is_chance_but_each_must_be_closed() -> None:
    whole, early = incident(FINDING, OTHER), incident(OTHER)
    closed = part_of(early["metadata"]["correlation_uid"], FINDING, OTHER)
    expected = told(incidents=(whole,))
    assert lost(expected, told(incidents=(early, closed, whole))).total == 0
    assert lost(expected, told(incidents=(early, whole))).foreign["incidents"]


def test_a_record_of_background_is_new_unless_it_tells_effects_of_calls_once_more() -> None:
    background = replace(WHOLE, call_id="x", state="background", coverage=Coverage())
    assert lost(told(WHOLE), told(WHOLE, background)).outside == ("x",)
    assert lost(told(WHOLE), told(WHOLE, background)).total == 0
    other = replace(background, effects=(*WHOLE.effects, Effect(source="c#0")))
    assert lost(told(WHOLE), told(WHOLE, other)).foreign["calls"] == ("x",)


def test_a_verdict_that_its_finding_or_no_audit_event_tells_is_lost() -> None:
    audit = {"entity": {"uid": "f"}, "entity_result": {"version": "verdict:false"}}
    labelled = replace(FINDING, labels=("verdict:false",))
    expected = with_verdicts(told(alerts=(FINDING,)), "verdict:false")
    whole = truth_of(Told(alerts=(FINDING, labelled), audits=(audit, audit)), {})
    assert lost(expected, whole).total == 0
    for less in (Told(alerts=(labelled,)), Told(alerts=(FINDING,), audits=(audit,))):
        assert lost(expected, truth_of(less, {})).changed["findings"] == ("f",)


def test_sessions_and_dead_letters_are_counted() -> None:
    buried = [DeadLetter(topic="mcp.calls", partition=0, offset=offset, code="W01") for offset in (1, 1, 2)]
    expected = truth_of(Told(letters=buried), {"files": 4})
    found = Truth(calls={}, findings={}, learned={"files": 3, "other": 9}, buried={"W03": 1})
    losses = lost(expected, found)
    assert (losses.sessions_missing, losses.buried_wrong, losses.total) == (1, 3, 4)
