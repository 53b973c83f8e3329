"""Frames: what any reader of the stream may take for a message."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.observer.framing import Frame, Lines

STREAMS = st.lists(st.sampled_from([b"{}", b"\n", b"\r", b"\r\n", b"a\rb", b"xyz"]), max_size=12).map(b"".join)


def fed(stream: bytes, cuts: list[int], bound: int = 1000) -> list[Frame]:
    lines = Lines(bound)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    frames = [frame for start, end in pairwise(places) for frame in lines.feed(stream[start:end])]
    return frames + lines.finish()


@given(STREAMS, st.lists(st.integers(0, 100), max_size=6))
def test_where_a_stream_is_cut_changes_no_frame(stream: bytes, cuts: list[int]) -> None:
    assert fed(stream, cuts) == fed(stream, [])


@given(STREAMS)
def test_lines_cover_every_byte_once(stream: bytes) -> None:
    frames = [frame for frame in fed(stream, []) if frame.mark != "line"]
    assert [frame.start for frame in frames] == [0, *(frame.end for frame in frames)][: len(frames)]
    assert sum(frame.size for frame in frames) == len(stream)


def test_a_bare_carriage_return_gives_both_readings() -> None:
    frames = fed(b'{"a":1}\r{"b":2}\n', [])
    assert [(frame.mark, frame.data) for frame in frames] == [
        ("cr", b'{"a":1}'),
        ("cr", b'{"b":2}'),
        ("line", b'{"a":1}\r{"b":2}'),
    ]


def test_a_fragment_is_seen_before_its_line_ends() -> None:
    assert [frame.data for frame in Lines(1000).feed(b'{"a":1}\r{')] == [b'{"a":1}']


def test_crlf_is_one_line_end() -> None:
    assert [(frame.mark, frame.data) for frame in fed(b"{}\r\n{}\r\n", [3])] == [("lf", b"{}"), ("lf", b"{}")]


def test_a_line_beyond_the_bound_is_counted_to_its_end() -> None:
    (frame,) = fed(b"x" * 5000 + b"\n", [], bound=1000)
    assert (len(frame.data), frame.size) == (1000, 5001)


def test_the_end_of_the_stream_gives_what_is_left() -> None:
    assert [frame.mark for frame in fed(b"{}\n{}", [])] == ["lf", "eof"]
