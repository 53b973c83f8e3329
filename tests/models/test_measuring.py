from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models import features
from triptych.models.baseline import BaselineView
from triptych.models.events import ArgumentFact, Call
from triptych.models.features import measured, rows
from triptych.models.features_protocol import Moment
from triptych.models.measuring import Measures
from triptych.models.model import Model
from triptych.models.risk import judge
from triptych.models.testing import call, read, send, span
from triptych.models.testing_traffic import learned, sessions, theft
from triptych.models.training import train
from triptych.models.turn import Turn

TRAFFIC = sessions(48)
NORMAL = learned(TRAFFIC)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TRAFFIC, seed=1)


@st.composite
def revisions(draw: st.DrawFn) -> Call:
    at_s = draw(st.integers(0, 5))
    effects = draw(st.sampled_from([(), (read("/etc/hosts"),), (send("198.51.100.66:9911", 4096),)]))
    made = call(draw(st.sampled_from(["read_config", "send_report", "list_dir"])), *effects, at_s=at_s)
    fact = ArgumentFact(pointer="/to", size=4, digests=(draw(st.sampled_from("ab")),))
    coverage = replace(made.coverage, execution=draw(st.booleans()))
    return replace(made, call_id=f"call-{at_s}", arguments=(fact,), coverage=coverage)


@given(st.lists(revisions(), min_size=1, max_size=8), st.integers(0, 8))
def test_a_turn_measured_as_it_grows_has_the_rows_it_has_at_once(told: list[Call], spans_from: int) -> None:
    measures, known = Measures(), dict[str, Call]()
    for number, record in enumerate(told):
        known[record.call_id] = record
        if len(known) > 3:
            del known[min(known)]
        calls = tuple(sorted(known.values(), key=lambda one: one.started_ns))
        turn = measured(Turn("t", calls, (span(tool="list_dir"),) if number >= spans_from else ()))
        views = {"files": NORMAL.view(features.base.turn_keys(calls, "files"))}
        np.testing.assert_array_equal(rows(turn, views, measures), rows(turn, views))


def test_a_turn_judged_as_it_grows_is_judged_as_at_once(model: Model) -> None:
    held_out = sessions(6, seed=500, first=100)
    turn = theft(next(one for one in held_out if any(each.tool == "read_config" for each in one.calls)))
    measures = Measures()
    for upto in range(1, len(turn.calls) + 1):
        part = Turn(turn.key, turn.calls[:upto])
        views = {"files": NORMAL.view(features.base.turn_keys(part.calls, "files"))}
        assert judge(model, part, views, measures) == judge(model, part, views)


def test_a_call_is_measured_once_and_a_row_scored_once() -> None:
    asked: list[str] = []

    def measure(moment: Moment) -> list[float]:
        asked.append(moment.call.call_id)
        return [0.0]

    scored: list[int] = []

    def score(rows: features.Rows) -> features.Rows:
        scored.append(len(rows))
        return rows.sum(axis=1)

    measures, calls = Measures(), tuple(call("list_dir", at_s=number) for number in range(6))
    for upto in range(1, len(calls) + 1):
        turn = Turn("t", calls[:upto])
        for moment in features.moments(turn, {}):
            measures.of(moment, measure)
        grown = np.arange(upto, dtype=np.float64).reshape(-1, 1)
        np.testing.assert_array_equal(measures.raw(grown, score), np.arange(upto))
    assert asked == [one.call_id for one in calls]
    assert scored == [1] * len(calls)


def test_work_is_done_again_only_when_the_turn_or_its_totals_changed() -> None:
    measures, (first, second) = Measures(), (call("read_config"), call("read_config", at_s=1))
    views = {"files": NORMAL.view(())}
    done: list[Turn] = []

    def work(turn: Turn, known: dict[str, BaselineView]) -> int:
        return measures.once("work", turn, known, lambda: done.append(turn) or len(done))  # type: ignore[func-returns-value]

    assert [work(Turn("t", (first,)), views) for _ in range(3)] == [1, 1, 1]
    assert work(Turn("t", (first, second)), views) == 2
    assert work(Turn("t", (first, replace(second, revision=1))), views) == 3
    grown = {"files": replace(views["files"], sessions=views["files"].sessions + 1)}
    assert work(Turn("t", (first, replace(second, revision=1))), grown) == 4
