"""A hot file is told once, then as a count, and no open is forgotten or told twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.binding import Bound
from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.proof import UNPROVEN, Proof
from triptych.producers.sensor.repeats import Repeats

SECOND = 1_000_000_000
BOUND = Bound((), "none", "background")
OPEN = KernelEvent(kind="open", mono_ns=0, pid=1, start_ns=1, root=1, epoch=1, born=0, path=b"/f")


def _current(event: KernelEvent) -> bool:
    return event.epoch == 1


def _at(mono_ns: int) -> KernelEvent:
    return replace(OPEN, mono_ns=mono_ns)


def test_what_was_not_told_before_is_no_repeat() -> None:
    assert not Repeats().take("f", OPEN, BOUND, 1)


def test_repeats_are_told_as_one_count_a_second_later() -> None:
    repeats = Repeats()
    repeats.told("f", OPEN, 0, UNPROVEN)
    assert all(repeats.take("f", _at(number), BOUND, 2) for number in (10, 20))
    assert repeats.due(SECOND - 1, 0, _current) == []
    ((key, same),) = repeats.due(SECOND, 0, _current)
    assert (key, same.count) == ("f", 4)


def test_a_count_does_not_outlive_the_epoch_of_its_calls() -> None:
    repeats = Repeats()
    repeats.told("f", OPEN, 0, UNPROVEN)
    repeats.take("f", replace(OPEN, epoch=2, mono_ns=5), BOUND, 1)
    assert [same.count for _, same in repeats.due(10, 7, _current)] == [1]


def test_a_count_is_not_dated_before_what_was_promised() -> None:
    repeats = Repeats()
    repeats.told("f", OPEN, 0, UNPROVEN)
    repeats.take("f", _at(5), BOUND, 1)
    ((_, same),) = repeats.due(SECOND, 700, _current)
    assert same.event.mono_ns == 700


def test_a_file_that_cooled_down_is_told_anew() -> None:
    repeats = Repeats()
    repeats.told("f", OPEN, 0, UNPROVEN)
    assert not repeats.take("f", _at(SECOND), BOUND, 1)


def test_a_count_keeps_the_proof_of_what_it_counts() -> None:
    repeats = Repeats()
    repeats.told("f", OPEN, 0, Proof(writable=True))
    repeats.take("f", _at(5), BOUND, 1)
    ((_, same),) = repeats.due(SECOND, 0, _current)
    assert same.proof.writable is True


def test_files_beyond_the_bound_make_room_with_their_counts() -> None:
    repeats = Repeats(most=2)
    for name in ("a", "b", "c"):
        repeats.told(name, OPEN, 0, UNPROVEN)
        repeats.take(name, _at(5), BOUND, 1)
    assert [key for key, _ in repeats.due(10, 0, _current)] == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(0, SECOND)), max_size=40))
def test_every_open_is_told_or_counted_exactly_once(opens: list[tuple[str, int, int]]) -> None:
    repeats, told, now = Repeats(most=2), 0, 0
    for name, count, passed in opens:
        now += passed
        if not repeats.take(name, _at(now), BOUND, count):
            told += count
            repeats.told(name, OPEN, now, UNPROVEN)
        told += sum(same.count for _, same in repeats.due(now, 0, _current))
    told += sum(same.count for _, same in repeats.due(now, 0, lambda _: False))
    assert told == sum(count for _, count, _ in opens)


def test_a_very_long_path_is_told_every_time_and_takes_no_memory() -> None:
    repeats = Repeats()
    long = replace(OPEN, path=b"/" + b"x" * 4000)
    repeats.told("f", long, 0, UNPROVEN)
    assert not repeats.take("f", long, BOUND, 1)
