from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.rolling import LEAST, WINDOW, Latest, Rolling

P = st.floats(1e-6, 1.0)
EVEN = [(n + 1) / 500 for n in range(500)]  # as calibrated p of normal turns are


@given(st.lists(P, max_size=LEAST - 1), P)
def test_few_turns_move_nothing(latest: list[float], p: float) -> None:
    assert Rolling(latest).p(p) == p


@given(st.lists(P, min_size=LEAST, max_size=WINDOW), P)
def test_a_threshold_never_makes_a_turn_more_unusual(latest: list[float], p: float) -> None:
    assert p <= Rolling(latest).p(p) <= 1


def test_a_stream_that_turned_unusual_counts_for_less() -> None:
    rolling = Rolling(p / 20 for p in EVEN)
    assert rolling.p(0.01) > 0.1
    assert rolling.p(1e-6) < 0.01


def test_a_stream_as_expected_leaves_p_about_where_it_was() -> None:
    assert Rolling(EVEN).p(0.01) == pytest.approx(0.01, abs=0.005)


def test_only_the_latest_turns_count() -> None:
    rolling = Rolling(p / 20 for p in EVEN)
    for p in EVEN:
        rolling.add(p)
    assert rolling.p(0.01) == Rolling(EVEN).p(0.01)


def test_a_window_smaller_than_what_it_needs_is_refused() -> None:
    with pytest.raises(ConfigError, match="50 turns never holds the 100"):
        Rolling(window=50)


@given(st.lists(st.tuples(st.sampled_from([b"ann", b"ben", b"cleo"]), P), max_size=3 * LEAST), P)
def test_a_turn_is_held_against_those_of_all_others(turns: list[tuple[bytes, float]], p: float) -> None:
    others = [found for who, found in turns if who != b"ann"]
    assert Latest(turns).p(p, b"ann") == Rolling(others, window=max(LEAST, len(others))).p(p)
