"""Ids of what stage 1 writes, and how far it says that each layer saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.config import JoinTimes
from triptych.streams.record import id_of

NAMESPACE = UUID("7c1f6f0e-4d2b-5f0a-9a51-5d2f3b8e6a10")


@given(st.text())
def test_an_id_is_the_uuid_that_the_standard_library_makes_of_the_name(name: str) -> None:
    assert id_of(name) == str(uuid5(NAMESPACE, name))


def test_what_was_lost_at_the_start_of_a_long_call_stands_in_its_record(story: Any) -> None:
    second = 10 * story.step
    told = [story.message("a", "request", story.start), story.batch(story.start + second, lost_before=7)]
    told += [story.batch(story.start + number * 10 * second) for number in range(1, 9)]
    told.append(story.message("a", "response", story.start + 85 * second))
    told.append(story.batch(story.start + 90 * second))
    times = replace(JoinTimes(), gap_ns=100 * second)
    assert story.play(sorted(told, key=lambda one: one.wall_ns), times)["a"].coverage.lost_events == 7


def test_a_sensor_that_was_blind_for_a_while_did_not_watch_the_call_though_it_is_back(story: Any) -> None:
    told = [
        story.message("a", "request", story.start),
        story.batch(story.start + story.step, status="blinded"),
        story.batch(story.start + 2 * story.step, status="start"),
        story.message("a", "response", story.start + 3 * story.step),
        story.batch(story.start + 5 * story.step),
    ]
    coverage = story.play(told)["a"].coverage
    assert (coverage.execution, "sensor blinded" in coverage.notes) == (False, True)
