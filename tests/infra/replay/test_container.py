from __future__ import annotations

import io

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triptych.infra.replay.container import Block, Container, Writer, bytes_at, long_at, put_bytes, put_long
from triptych.infra.replay.errors import RecordingError

TEXTS = {"type": "bytes"}


def written(values: list[bytes], *, every: int = 3) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, TEXTS, {"triptych.topic": "t"})
    for number, value in enumerate(values, 1):
        datum = bytearray()
        put_bytes(value, datum)
        writer.append(bytes(datum))
        if number % every == 0:
            writer.flush()
    writer.flush()
    return file.getvalue()


def read(data: bytes) -> list[bytes]:
    return [value for block in Container(io.BytesIO(data), "here").blocks() for value in values_of(block)]


def values_of(block: Block) -> list[bytes]:
    found, at = [], 0
    for _ in range(block.count):
        value, at = bytes_at(block.data, at)
        found.append(value)
    return found


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_long_is_read_as_it_was_written(number: int) -> None:
    out = bytearray()
    put_long(number, out)
    assert long_at(bytes(out), 0) == (number, len(out))


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_what_was_written_is_read_by_us_and_by_any_avro_library(values: list[bytes]) -> None:
    data = written(values)
    assert read(data) == values
    assert list(fastavro.reader(io.BytesIO(data))) == values


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_files_of_another_library_are_read_whatever_the_standard_library_unpacks(codec: str) -> None:
    file = io.BytesIO()
    values = [b"one", b"two" * 500, b""]
    fastavro.writer(file, fastavro.parse_schema("bytes"), values, codec=codec)
    assert read(file.getvalue()) == values


def test_a_codec_that_cannot_be_unpacked_is_named() -> None:
    head = written([])[:-16]
    with pytest.raises(RecordingError, match="'snappyx'"):
        Container(io.BytesIO(head.replace(b"\x0edeflate", b"\x0esnappyx") + bytes(16)), "here")


@given(st.data())
def test_a_file_cut_anywhere_gives_whole_blocks_and_then_says_so(data: st.DataObject) -> None:
    whole = written([b"a", b"b", b"c", b"d", b"e", b"f"])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    values: list[bytes] = []
    try:
        for block in Container(io.BytesIO(cut), "here").blocks():
            values += values_of(block)
    except RecordingError as error:
        assert error.code == "E01"
    assert values in ([], [b"a", b"b", b"c"])


@given(st.binary(max_size=200))
@example(b"\x80" * 9 + b"\x02")  # a number of 65 bits
def test_bytes_that_are_no_container_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(RecordingError):
        list(Container(io.BytesIO(b"Obj\x01" + data), "here").blocks())


def test_a_small_block_that_would_unpack_to_more_than_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written([b"\0" * 100_000])
    monkeypatch.setattr("triptych.infra.replay.container._MOST", 50_000)
    with pytest.raises(RecordingError, match="cannot be unpacked"):
        read(data)
