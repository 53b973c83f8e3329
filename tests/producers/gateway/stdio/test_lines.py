"""Lines are cut once, wherever the client's writes end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.stdio.lines import Cutter, Piece

STREAM = st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\r", b"\r\n", b"x" * 30]), max_size=12).map(b"".join)


def cut(stream: bytes, size: int, bound: int = 20) -> list[Piece]:
    cutter = Cutter(bound)
    pieces = [piece for at in range(0, len(stream), size) for piece in cutter.feed(stream[at : at + size])]
    return pieces + cutter.finish()


@given(STREAM, st.integers(1, 40))
def test_the_pieces_are_the_stream(stream: bytes, size: int) -> None:
    pieces = cut(stream, size)
    assert b"".join(piece.data for piece in pieces) == stream
    assert all(piece.data.count(b"\n") == piece.data.endswith(b"\n") for piece in pieces)


@given(STREAM, st.integers(1, 40))
def test_a_line_within_the_bound_comes_whole(stream: bytes, size: int) -> None:
    whole = [piece.data for piece in cut(stream, size, bound=1000)]
    assert whole == stream.splitlines(keepends=True) if b"\r" not in stream else b"".join(whole) == stream


def test_a_line_beyond_the_bound_is_given_out_as_it_comes() -> None:
    cutter = Cutter(5)
    assert cutter.feed(b"1234") == []
    assert cutter.feed(b"56") == [Piece(b"123456", first=True, last=False)]
    assert cutter.feed(b"78") == [Piece(b"78", first=False, last=False)]
    assert cutter.feed(b"9\nab\n") == [Piece(b"9\n", first=False, last=True), Piece(b"ab\n")]


def test_what_has_no_line_end_is_given_out_at_the_end() -> None:
    assert cut(b"a\nrest", 100) == [Piece(b"a\n"), Piece(b"rest")]
