"""Names in DNS messages: those of real queries, of cut ones, and bytes that are no query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.dns import question

HEADER = bytes([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])


def _query(*labels: bytes) -> bytes:
    return HEADER + b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"


def test_the_name_is_told_in_lower_case() -> None:
    assert question(_query(b"Api", b"eXample", b"test")) == b"api.example.test"


def test_a_message_over_tcp_has_its_length_in_front() -> None:
    message = _query(b"a", b"test")
    assert question(len(message).to_bytes(2) + message, over_tcp=True) == b"a.test"


def test_a_cut_message_gives_the_labels_that_are_whole() -> None:
    assert question(_query(b"whole", b"part")[:20]) == b"whole"


@pytest.mark.parametrize(
    "message",
    [b"", HEADER, HEADER[:2] + b"\x81" + HEADER[3:] + b"\1a\0", HEADER[:5] + bytes(7) + b"\1a\0", _query(b"")],
    ids=["empty", "no question", "a response", "counts no question", "the root"],
)
def test_what_asks_for_nothing_has_no_name(message: bytes) -> None:
    assert question(message) is None


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3))
def test_every_label_comes_out(labels: list[bytes]) -> None:
    assert question(_query(*labels)) == b".".join(labels).lower()


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_a_name_that_fits_or_none(message: bytes, over_tcp: bool) -> None:
    name = question(message, over_tcp=over_tcp)
    assert name is None or 0 < len(name) <= 255
