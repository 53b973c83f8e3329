"""Deadlines: what is due, in its order, and once."""

from __future__ import annotations

import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.deadlines import Deadlines


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50))), st.integers(0, 50))
def test_the_last_deadline_of_a_key_counts(settings: Any, now: int) -> None:
    deadlines: Deadlines[str] = Deadlines()
    for key, at in settings:
        deadlines.set(key, at)
    last = dict(settings)
    assert deadlines.next() == min(last.values(), default=None)
    due = list(deadlines.due(now))
    assert sorted(due) == sorted(key for key, at in last.items() if at <= now)
    assert [last[key] for key in due] == sorted(last[key] for key in due)
    assert len(deadlines) == len(last) - len(due)


def test_deadlines_that_come_nearer_and_keys_that_are_discarded_leave_nothing_behind() -> None:
    deadlines: Deadlines[int] = Deadlines()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(30_000):
            for at in (9, 5, 1):
                deadlines.set(number, 10 * number + at)
            deadlines.discard(number - 10)
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 20
    finally:
        tracemalloc.stop()
    assert len([*deadlines.due(1 << 40)]) == 10
