"""A bounded memory of ids."""

from __future__ import annotations

import tracemalloc

from triptych.streams.recent import Recent


def test_only_the_oldest_is_forgotten() -> None:
    recent = Recent(2)
    assert [recent.add(thing) for thing in ("a", "a", "b", "c", "b", "a")] == [True, False, True, True, False, True]
    assert ["a" in recent, "b" in recent, "c" in recent] == [True, False, True]


def test_a_long_id_costs_no_more_than_a_short_one() -> None:
    tracemalloc.start()
    try:
        recent = Recent(100)
        before = tracemalloc.get_traced_memory()[0]
        assert all(recent.add(f"{number:065536}") for number in range(100))
        assert tracemalloc.get_traced_memory()[0] - before < 65_536
    finally:
        tracemalloc.stop()
