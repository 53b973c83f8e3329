"""Event streams are read as the standard has it, wherever the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.http.sse import Event, EventStream

BOUND = 1 << 16


def _events(data: bytes, cuts: list[int] | None = None, bound: int = BOUND) -> list[Event]:
    stream = EventStream(bound)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    return [event for first, last in itertools.pairwise(edges) for event in stream.feed(data[first:last])]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_ends_a_line(end: bytes) -> None:
    data = end.join([b"event: message", b"id: 1", b"data: {", b"data:}", b"", b""])
    assert _events(data) == [Event(b"message", b"{\n}", 3, True)]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b": comment\n\n", []),
        (b"retry: 10\nid: 1\n\n", []),
        (b"data\n\n", [b""]),
        (b"id: 0\ndata:\n\n", [b""]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a", []),
        (b"data: a\n", []),
        (b"data: a\n\n\ndata: b\n\n", [b"a", b"b"]),
        (b"DATA: a\nxdata: b\n\n", []),
    ],
)
def test_only_data_lines_make_an_event(data: bytes, found: list[bytes]) -> None:
    assert [event.data for event in _events(data)] == found


LINES = st.text("abc:{} \u2028", max_size=12).map(str.encode)


@given(st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=4), st.data())
def test_events_come_out_the_same_wherever_they_are_cut(events: list[list[bytes]], data: st.DataObject) -> None:
    ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
    stream = b""
    for lines in events:
        stream += b"".join(b"data: " + line + data.draw(ends) for line in lines)
        stream += b"\r\n"
    cuts = data.draw(st.lists(st.integers(0, 200), max_size=12))
    assert [event.data for event in _events(stream, cuts)] == [b"\n".join(lines) for lines in events]


@given(st.integers(1, 60), st.lists(st.integers(0, 400), max_size=8), st.lists(st.integers(0, 60), max_size=5))
def test_beyond_the_bound_bytes_are_counted_and_not_kept(bound: int, cuts: list[int], sizes: list[int]) -> None:
    stream = b"".join(b"data: " + b"x" * size + b"\n" for size in sizes) + b"\n"
    content = b"\n".join(b"x" * size for size in sizes)
    found = _events(stream, cuts, bound)
    assert [(event.size, event.complete) for event in found] == (
        [(len(content), len(content) <= bound)] if sizes else []
    )
    assert all(len(event.data) <= bound for event in found)


def test_an_endless_line_is_not_kept() -> None:
    stream = EventStream(100)
    for _ in range(1000):
        stream.feed(b"data: " + b"x" * 1000)
    assert len(stream._rest) <= 200
