"""Bodies end where every parser ends them, or not at all."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.http.body import Body, Chunked, Sized, UntilClose
from triptych.producers.gateway.http.errors import Refusal

BAD = {
    "no digits": b"\r\nabc",
    "sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "blank before": b" 3\r\nabc\r\n0\r\n\r\n",
    "blank behind": b"3 \r\nabc\r\n0\r\n\r\n",
    "huge": b"1000000000000000\r\n",
    "bare LF behind the size": b"3\nabc\r\n0\r\n\r\n",
    "bare CR in the extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "bare LF in the extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "LF behind the data": b"3\r\nabc\n0\r\n\r\n",
    "endless extension": b"3;" + b"a" * 5000,
    "many extensions": (b"1;" + b"a" * 900 + b"\r\nx\r\n") * 20,
    "folded trailer": b"0\r\nX: a\r\n b\r\n\r\n",
    "trailer that frames": b"0\r\nContent-Length: 4\r\n\r\n",
    "trailer that authorises": b"0\r\nauthorization: Bearer x\r\n\r\n",
    "endless trailers": b"0\r\n" + b"X: yyyyyyyyyy\r\n" * 3000,
}


def _fed(body: Body, data: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Payload and surplus when `data` comes in pieces."""
    payload = surplus = b""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for first, last in itertools.pairwise(edges):
        if body.done:
            surplus += data[first:last]
        elif first < last:
            part, rest = body.feed(data[first:last])
            payload += part
            surplus += rest
    return payload, surplus


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_bad_chunks_are_refused_however_they_are_cut(name: str, step: int) -> None:
    with pytest.raises(Refusal) as refused:
        _fed(Chunked(), BAD[name], list(range(0, len(BAD[name]), step)))
    assert refused.value.anomaly == "smuggling"


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.lists(st.sampled_from([b"", b";a", b" ; a=b", b';a="x"']), min_size=6, max_size=6),
    st.sampled_from([b"", b"X-Digest: abc\r\n", b"A: b\r\nC: d\r\n"]),
    st.binary(max_size=10),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_chunks_give_their_payload_wherever_they_are_cut(
    chunks: list[bytes], extensions: list[bytes], trailers: bytes, surplus: bytes, cuts: list[int]
) -> None:
    data = b"".join(
        b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk, extension in zip(chunks, extensions, strict=False)
    )
    body = Chunked()
    assert _fed(body, data + b"0\r\n" + trailers + b"\r\n" + surplus, cuts) == (b"".join(chunks), surplus)
    assert body.done


@given(st.binary(max_size=100), st.binary(max_size=10), st.lists(st.integers(0, 120), max_size=5))
def test_a_body_of_known_length_ends_with_its_last_byte(content: bytes, surplus: bytes, cuts: list[int]) -> None:
    body = Sized(len(content))
    assert _fed(body, content + surplus, cuts) == (content, surplus)
    assert body.done


def test_a_body_that_ends_with_the_connection_takes_everything() -> None:
    body = UntilClose()
    assert _fed(body, b"abc", [1, 2]) == (b"abc", b"")
    assert not body.done
