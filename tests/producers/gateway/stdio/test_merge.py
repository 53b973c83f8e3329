"""Many writers, one reader: lines stay whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.stdio.merge import Merger


def test_an_unfinished_line_waits_for_its_end() -> None:
    merger = Merger(100)
    assert merger.put(0, b"one\ntw") == b"one\n"
    assert merger.put(1, b"other\n") == b"other\n"
    assert merger.put(0, b"o\n") == b"two\n"


def test_a_long_line_takes_the_floor_until_it_ends() -> None:
    merger = Merger(4)
    assert merger.put(0, b"longer") == b"longer"
    assert merger.put(1, b"other\nhalf") == b""
    assert merger.put(0, b" still") == b" still"
    assert merger.put(0, b"\nnext") == b"\nother\n"
    assert merger.put(1, b"\n") == b"half\n"


def test_alone_and_without_a_bound_every_byte_passes_at_once() -> None:
    merger = Merger(0)
    assert [merger.put(0, chunk) for chunk in (b"a", b"b\nc", b"\n")] == [b"a", b"b\nc", b"\n"]


def test_an_answer_of_the_gateway_waits_for_the_end_of_the_servers_line() -> None:
    merger = Merger(0)
    assert merger.put("server", b'{"half":') == b'{"half":'
    assert merger.put("gateway", b"refused\n") == b""
    assert merger.put("server", b"1}\n") == b"1}\nrefused\n"


def test_who_ends_inside_a_line_spoils_nobody_elses() -> None:
    merger = Merger(4)
    merger.put(0, b"unheard")
    merger.put(1, b"other\n")
    assert merger.end(0) == b"\nother\n"
    merger.put(1, b"abc")
    assert merger.end(1) == b""
    assert merger.put(0, b"again\n") == b"again\n"


def test_the_last_to_end_leaves_its_unfinished_line() -> None:
    merger = Merger(100)
    merger.put(0, b"line\nrest")
    assert merger.rest(0) == b"rest"


def test_who_is_held_for_long_should_write_no_more() -> None:
    merger = Merger(0)
    merger.put(0, b"x")
    merger.put(1, b"y" * (1 << 20))
    assert (merger.waits(0), merger.waits(1)) == (False, True)


WRITES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=40)


@given(WRITES, st.integers(0, 8))
def test_every_line_arrives_whole_and_in_the_order_of_its_writer(writes: list[tuple[int, int]], bound: int) -> None:
    streams = [b"".join(b"%d-%d\n" % (source, number) for number in range(30)) for source in range(3)]
    merger, at, out = Merger(bound), [0, 0, 0], b""
    for source, size in writes:
        out += merger.put(source, streams[source][at[source] : at[source] + size])
        at[source] += size
    for source in range(3):
        out += merger.put(source, streams[source][at[source] :])
    lines = out.splitlines(keepends=True)
    assert [b"".join(line for line in lines if line[:1] == b"%d" % source) for source in range(3)] == streams
