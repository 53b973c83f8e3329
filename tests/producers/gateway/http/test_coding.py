"""Content codings are undone for inspection, within bounds, whatever comes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.http.coding import decoder

BOUND = 1 << 20


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "": bytes,
    "gzip": gzip.compress,
    "X-GZIP ": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "br": lambda data: bytes(cramjam.brotli.compress(data)),
    "zstd": lambda data: bytes(cramjam.zstd.compress(data)),
}


def _undone(coding: str, data: bytes, step: int = 1 << 20, bound: int = BOUND) -> tuple[bytes, bool]:
    undo = decoder(coding, bound)
    plain = b""
    for at in range(0, len(data), step):
        plain += undo.feed(data[at : at + step], bound - len(plain))
    plain += undo.finish(bound - len(plain))
    return plain, undo.readable


@pytest.mark.parametrize("coding", CODINGS)
@given(content=st.binary(max_size=300), step=st.integers(1, 300))
def test_what_was_coded_is_read_as_it_was(coding: str, content: bytes, step: int) -> None:
    assert _undone(coding, CODINGS[coding](content), step) == (content, True)


def test_every_member_of_a_gzip_body_is_read() -> None:
    assert _undone("gzip", gzip.compress(b"a") + gzip.compress(b"b"), 3) == (b"ab", True)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_gives_no_more_than_the_bound(coding: str) -> None:
    plain, _ = _undone(coding, CODINGS[coding](b"a" * 10_000_000), bound=1000)
    assert plain == b"a" * 1000


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_bomb_in_a_coding_of_whole_bodies_is_not_read(coding: str) -> None:
    assert _undone(coding, CODINGS[coding](b"a" * 10_000_000), bound=1000) == (b"", False)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "pack200", "\x00"])
@given(data=st.binary(min_size=1, max_size=50).map(b"\xff".__add__))
def test_what_is_not_in_its_coding_is_told_and_never_raised(coding: str, data: bytes) -> None:
    assert not _undone(coding, data)[1]
