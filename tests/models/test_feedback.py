from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.verdicts import render
from triptych.models.events import Alert
from triptych.models.feedback import FeedbackError, Verdict, enough, parse, settled, to_json

ALERT = Alert(finding_uid="trp-1", sequence=3, labels=("demo",))
FALSE = Verdict(finding_uid="trp-1", is_true=False, reason="planned", by="ann", wall_ns=1_000_000_000)


def test_what_the_command_writes_is_what_workers_read() -> None:
    assert parse(render("trp-1", "false", "planned", by="ann", time_ms=1_000)) == FALSE


@given(st.booleans(), st.text(max_size=50), st.integers(1, 2**42))
def test_a_verdict_is_read_as_it_was_written(is_true: bool, reason: str, at_ms: int) -> None:
    said = parse(to_json(replace(FALSE, is_true=is_true, reason=reason, wall_ns=at_ms * 1_000_000)))
    assert (said.is_true, said.wall_ns) == (is_true, at_ms * 1_000_000)
    assert parse(to_json(said)) == said


@given(st.binary(max_size=80))
def test_bytes_are_a_verdict_or_are_refused(data: bytes) -> None:
    try:
        parse(data)
    except FeedbackError as error:
        assert error.code == "W05"


@pytest.mark.parametrize(
    "wrong",
    [
        {"finding_uid": ""},
        {"finding_uid": "a\x1b[2Jb"},
        {"finding_uid": "x" * 65},
        {"verdict": "maybe"},
        {"verdict": True},
        {"time_ms": "soon"},
        {"time_ms": -1},
    ],
)
def test_a_verdict_that_cannot_be_meant_is_refused_and_not_quoted(wrong: dict[str, object]) -> None:
    with pytest.raises(FeedbackError) as refused:
        parse(orjson.dumps({**orjson.loads(to_json(FALSE)), **wrong}))
    assert "\x1b" not in str(refused.value)


def test_a_settled_finding_is_updated_with_the_verdict_and_closed() -> None:
    update, close = settled(ALERT, FALSE)
    assert [(one.activity, one.sequence) for one in (update, close)] == [("update", 4), ("close", 5)]
    assert update.labels == close.labels == ("demo", "verdict:false")
    assert len({ALERT.event_id, update.event_id, close.event_id}) == 3


def test_the_same_verdict_settles_a_finding_in_the_same_way() -> None:
    assert settled(ALERT, FALSE) == settled(ALERT, FALSE)


def test_another_verdict_takes_the_place_of_the_first() -> None:
    closed = settled(ALERT, FALSE)[1]
    assert settled(closed, replace(FALSE, is_true=True))[0].labels == ("demo", "verdict:true")


def test_who_is_unknown_counts_for_nobody() -> None:
    assert not enough(["", "", "", "ann", "ben", "ann"])
    assert enough(["ann", "ben", "cleo"])
