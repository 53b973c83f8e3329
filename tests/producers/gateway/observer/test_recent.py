"""A mapping that keeps its latest entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.observer.recent import Recent


@given(st.lists(st.integers(0, 20)))
def test_the_last_ones_are_kept_and_no_more_than_twice_as_many(keys: list[int]) -> None:
    recent: Recent[int, int] = Recent(5)
    for number, key in enumerate(keys):
        recent.put(key, number)
    latest = {key: number for number, key in enumerate(keys)}
    last = keys[-5:]
    assert all(recent.get(key) == latest[key] for key in last)
    assert sum(key in recent for key in set(keys)) <= 10


def test_what_was_taken_out_is_gone_in_both_generations() -> None:
    recent: Recent[str, int] = Recent(2)
    for number, key in enumerate("aba"):
        recent.put(key, number)
    assert recent.pop("a") == 2
    assert "a" not in recent
    assert (recent.pop("a"), recent.get("b")) == (None, 1)
