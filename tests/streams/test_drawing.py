from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.drawing import Drawing, ranked

TURNS = st.lists(st.text(max_size=6), max_size=60)


def smallest(turns: Sequence[str], most: int) -> set[str]:
    return set(sorted(set(turns), key=ranked)[:most])


@given(TURNS, st.integers(1, 8))
def test_whatever_is_in_the_sample_in_the_end_was_taken(turns: list[str], most: int) -> None:
    drawing = Drawing(most)
    assert smallest(turns, most) <= {turn for turn in turns if drawing.takes("a", turn)}


@given(TURNS, TURNS, st.integers(1, 8))
def test_two_workers_together_take_what_one_would_keep(ours: list[str], theirs: list[str], most: int) -> None:
    one, other = Drawing(most), Drawing(most)
    taken = {turn for turn in ours if one.takes("a", turn)} | {turn for turn in theirs if other.takes("a", turn)}
    assert smallest([*ours, *theirs], most) <= taken


def test_of_many_turns_few_are_measured() -> None:
    drawing = Drawing(50)
    assert sum(drawing.takes("a", f"turn-{number}") for number in range(5_000)) < 500


def test_a_sample_that_was_forgotten_takes_every_turn_again() -> None:
    drawing = Drawing(1, names=1)
    last = max(("x", "y"), key=ranked)
    assert [drawing.takes("a", turn) for turn in ("x", "y")].count(True) >= 1
    drawing.takes("b", "x")
    assert drawing.takes("a", last)
