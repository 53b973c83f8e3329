from __future__ import annotations

import orjson
import pytest

from triptych.models.errors import WireError
from triptych.models.events import Alert
from triptych.models.feedback import Verdict, to_json
from triptych.models.testing import call
from triptych.streams.feedback import Feedback, VerdictCodec
from triptych.streams.judgement import Judging
from triptych.streams.pins import Pin

FALSE = Verdict(finding_uid="trp-1", is_true=False, reason="planned", by="ann", wall_ns=1_000_000_000)
ALERT = Alert(finding_uid="trp-1", sequence=3, workload="w", severity="high")


@pytest.fixture
def stage() -> Feedback:
    return Feedback(Judging(tenant="acme"))


def test_a_verdict_updates_and_closes_the_finding_for_streams_and_siems(stage: Feedback) -> None:
    step = stage.add(FALSE, Pin(), {"trp-1": ALERT})
    told = [output.value for output in step.outputs if isinstance(output.value, Alert)]
    assert [alert.activity for alert in told] == ["update", "close"]
    siem = [orjson.loads(output.value) for output in step.outputs if output.topic == "mcp.alerts.ocsf"]  # type: ignore[arg-type]
    assert [event["status"] for event in siem] == ["Resolved", "Resolved"]
    assert step.writes == (FALSE,)


def test_every_verdict_is_an_audit_event_with_its_reason(stage: Feedback) -> None:
    (audit,) = (output for output in stage.add(FALSE, Pin(), {}).outputs if output.topic == "mcp.audit")
    event = orjson.loads(audit.value)  # type: ignore[arg-type]
    assert (audit.key, event["entity"]["uid"], event["actor"]["user"]["name"]) == ("trp-1", "trp-1", "ann")
    assert "planned" in event["message"]


def test_a_verdict_on_an_unknown_finding_waits_and_is_counted(stage: Feedback) -> None:
    step = stage.add(FALSE, Pin(), {})
    assert step.writes == (FALSE,)
    assert stage.counts() == {"true": 0, "false": 1, "unknown": 1}


def test_a_verdict_that_comes_again_tells_the_same(stage: Feedback) -> None:
    assert stage.add(FALSE, Pin(), {"trp-1": ALERT}) == stage.add(FALSE, Pin(), {"trp-1": ALERT})


def test_nothing_but_a_verdict_is_taken(stage: Feedback) -> None:
    with pytest.raises(TypeError):
        stage.add(call("x"), Pin(), {})


def test_the_codec_reads_verdicts_and_refuses_everything_else() -> None:
    codec = VerdictCodec()
    assert codec.decode(to_json(FALSE), Verdict) == FALSE
    with pytest.raises(WireError) as refused:
        codec.decode(codec.encode(ALERT), Verdict)
    assert refused.value.code == "W05"
