"""What a worker counts: event time and what holds it back, findings by what raised them, and a page for every name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, RuleHit
from triptych.models.sensitivity import Sensitivity
from triptych.streams.clock import Clock
from triptych.streams.config import ClockTimes, JoinTimes
from triptych.streams.feedback import Feedback
from triptych.streams.incidents import Gathering, Incidents
from triptych.streams.join import Calls
from triptych.streams.judgement import Judge, Judging
from triptych.streams.metrics import Metrics
from triptych.streams.stage import Output
from triptych.streams.turns import JudgeTimes, Turns

S = 10**9
NOW = 1_700_000_000 * S
README = Path(__file__).resolve().parents[2] / "streams" / "README.md"


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def timed(now: int, *ended: str, **newest: int) -> Metrics:
    metrics, clock = Metrics(), Clock(("a", "b"), ClockTimes(), NOW)
    for topic, at in newest.items():
        clock.observe(topic, at, at, NOW)
    clock.watermark(now, ended)
    metrics.time("calls", "3", clock, now, ended)
    return metrics


def held(metrics: Metrics) -> dict[str, float | None]:
    return {
        topic: value(metrics, "triptych_watermark_held", stage="calls", partition="3", topic=topic)
        for topic in ("a", "b")
    }


def test_the_lag_is_how_far_event_time_is_behind_the_clock() -> None:
    metrics = timed(NOW + 10 * S, a=NOW, b=NOW + 5 * S)
    assert value(metrics, "triptych_lag_seconds", stage="calls", partition="3") == pytest.approx(10.5)


@pytest.mark.parametrize(
    ("metrics", "holder"),
    [
        (timed(NOW, a=NOW, b=NOW + S), "a"),
        (timed(NOW, b=NOW), "a"),
        (timed(NOW + 9 * S, "a", a=NOW, b=NOW + S), "b"),
        (timed(NOW + 9 * S, "a", "b", a=NOW, b=NOW + S), ""),
    ],
    ids=["furthest behind", "no record yet", "an idle topic holds nothing", "all idle"],
)
def test_what_holds_time_back_is_named(metrics: Metrics, holder: str) -> None:
    assert held(metrics) == {topic: float(topic == holder) for topic in ("a", "b")}


def test_a_partition_that_is_somebody_elses_is_no_longer_told() -> None:
    metrics = timed(NOW, a=NOW, b=NOW)
    metrics.forget("calls", "3")
    assert held(metrics) == {"a": None, "b": None}


def alert(**facts: Any) -> Output:
    return Output("mcp.alerts", "w", Alert(**{"wall_ns": NOW, "activity": "create", **facts}))


def findings(metrics: Metrics, by: str) -> float | None:
    return value(metrics, "triptych_event_to_finding_seconds_count", by=by)


def test_findings_are_timed_by_what_raised_them_and_closing_one_is_no_finding() -> None:
    metrics = Metrics()
    metrics.sent("turns", alert(rules=(RuleHit(id="a"),)), NOW + S)
    metrics.sent("turns", alert(), NOW + S)
    metrics.sent("turns", alert(activity="update"), NOW + S)
    metrics.sent("turns", alert(activity="close"), NOW + 60 * S)
    assert (findings(metrics, "rule"), findings(metrics, "score")) == (1.0, 2.0)


def test_every_metric_stands_in_the_readme_and_nothing_else_does() -> None:
    named = {name for metric in Metrics().registry.collect() if (name := metric.name).startswith("triptych_")}
    assert set(re.findall(r"^\| `(triptych_\w+)` \|", README.read_text(), re.MULTILINE)) == named


def test_everything_a_stage_counts_stands_in_the_readme() -> None:
    stages = (
        Calls(JoinTimes(), Sensitivity.load(), "mcp.calls"),
        Turns(JudgeTimes(), Judge(Judging(), Rulebook([]))),
        Incidents(Gathering()),
        Feedback(Judging()),
    )
    told = README.read_text().split("`triptych_stage` counts")[1].split("##")[0]
    counted = {word for stage in stages for word in stage.counts()}
    assert counted == counted & set(re.findall(r"`(\w+)`", told))


def test_what_an_operator_asks_of_a_worker_has_a_metric() -> None:
    asked = {
        "triptych_lag_seconds", "triptych_watermark_seconds", "triptych_watermark_held", "triptych_stage_level",
        "triptych_pinned_chunks", "triptych_stage", "triptych_dead_letters", "triptych_event_to_finding_seconds",
        "process_resident_memory_bytes", "process_cpu_seconds",
    }  # fmt: skip
    assert asked <= {metric.name for metric in Metrics().registry.collect()}
    assert {"late", "orphan", "duplicate"} <= Calls(JoinTimes(), Sensitivity.load(), "mcp.calls").counts().keys()
    assert "open" in Calls(JoinTimes(), Sensitivity.load(), "mcp.calls").levels()
