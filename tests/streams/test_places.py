"""Chunks and commits by offsets alone, whatever happens on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from triptych.streams.places import Places, Records


@dataclass(frozen=True)
class Record:
    offset: int


def records(offsets: Any) -> list[Record]:
    return [Record(offset) for offset in offsets]


def read(places: Places, log: list[Record], at: int, most: int) -> tuple[Records | None, int]:
    """What a client's next fetch from offset `at` gives out, and where the client stands then."""
    fetched = [record for record in log if record.offset >= at][:most]
    if (missing := places.missing("p", fetched[0].offset if fetched else at)) is not None:
        return None, missing
    following = places.following("p", fetched)
    behind = fetched[-1].offset + 1 if fetched else at
    return (places.give("p", following) if following else None), behind


@example([0, 1], [(1, "read"), (1, "lose"), (1, "read"), (1, "back"), (1, "read"), (1, "lose")])
@given(
    st.lists(st.integers(0, 60), min_size=1, unique=True).map(sorted),
    st.lists(st.tuples(st.integers(1, 7), st.sampled_from(("read", "lose", "back"))), max_size=40),
)
def test_whatever_a_client_loses_or_repeats_every_record_is_given_once_and_in_order(
    offsets: list[int], course: list[tuple[int, str]]
) -> None:
    log, places, at, again = records(offsets), Places(), 0, False
    places.begin({"p": 0})
    given_: list[Record] = []
    for number, what in [*course, *[(7, "read")] * 130]:
        if what == "lose" and not again:
            at = min(at + number, 61)
        elif what == "back":
            at = max(0, at - number)
        else:
            before = at
            chunk, at = read(places, log, at, number)
            again = at < before
            given_ += chunk or ()
    assert given_ == log


@given(st.lists(st.integers(1, 4), min_size=1, max_size=9), st.data())
def test_what_may_be_committed_ends_before_the_first_chunk_that_is_not_finished(sizes: list[int], data: Any) -> None:
    places, chunks, at = Places(), [], 0
    places.begin({"p": 0})
    for size in sizes:
        chunks.append(places.give("p", records(range(at, at + size))))
        at += size
    reached = 0
    for index in data.draw(st.permutations(range(len(chunks)))):
        chunks[index].finished = True
        reached = places.finished("p") or reached
        assert reached == next((chunk[0].offset for chunk in chunks if not chunk.finished), at)


def test_a_partition_waits_while_something_given_is_not_worked_on_or_nothing_can_be_given() -> None:
    places = Places()
    assert places.waiting("p")
    places.begin({"p": 5})
    assert not places.waiting("p")
    chunk = places.give("p", records(range(5, 8)))
    assert places.waiting("p")
    places.fed("p", chunk)
    assert not places.waiting("p")


def test_a_chunk_that_was_worked_on_keeps_its_place_and_not_its_records() -> None:
    places = Places()
    places.begin({"p": 5})
    chunk = places.give("p", records(range(5, 8)))
    places.fed("p", chunk)
    assert (chunk, places.finished("p")) == ([], None)
    chunk.finished = True
    assert places.finished("p") == 8
