"""Deadlines: what is due, in its order, and once."""

from __future__ import annotations

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
