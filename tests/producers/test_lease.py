"""The lease messages: both ends read what the other wrote, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.lease import Attach, Begin, End, Granted, LeaseError, Refused, pack, parse, request_text

CALL = "0190b5a0-0000-7000-8000-000000000001"
TRACE = "0af7651916cd43dd8448eb211c80319c"
MESSAGES = [
    Attach("files"),
    Granted("pod-1", 42, 7),
    Refused("no such process"),
    Begin(CALL, TRACE),
    Begin(CALL, TRACE, 1 << 60, "-7"),
    Begin(CALL, TRACE, 0, '"é\\n"'),
    End(CALL),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_way(message: Attach | Granted | Refused | Begin | End) -> None:
    assert parse(pack(message)) == message


FORGED = [
    b"B" + b"\x1b[31mFORGED\r\nCALL".ljust(36) + TRACE.encode(),
    b"B" + CALL.encode() + b"\x1b]0;x\x07".ljust(32, b"z"),
    b"B" + CALL.upper().replace("0", "A").encode() + TRACE.encode(),
    b"B" + CALL.encode() + TRACE.upper().encode(),
    b"B" + CALL.encode() + TRACE.encode() + b"0" * 16 + b"\n",
    b"B" + CALL.encode() + TRACE.encode() + b"0" * 16 + b'"\x1b[31m"',
    b"B" + CALL.encode() + TRACE.encode() + b"0" * 16 + b'"\xff"',
    b"B" + CALL.encode() + TRACE.encode() + b"0" * 16 + b"7 8",
    b"E" + CALL.encode() + b"\n",
    b"E" + CALL[:-1].encode() + b" ",
    b"E" + CALL.replace("-", "0").encode(),
]


@pytest.mark.parametrize("packet", FORGED, ids=lambda packet: ascii(packet[:12]))
def test_an_id_that_is_none_is_a_lease_error(packet: bytes) -> None:
    with pytest.raises(LeaseError) as caught:
        parse(packet)
    assert caught.value.code == "L01"


@given(st.binary(max_size=100))
def test_any_other_packet_is_a_lease_error(data: bytes) -> None:
    try:
        parsed = parse(data)
    except LeaseError:
        return
    assert parse(pack(parsed)) == parsed


@given(st.one_of(st.integers(), st.text(), st.floats(), st.none()))
def test_every_id_gives_a_begin_that_can_be_read(identifier: object) -> None:
    begin = Begin(CALL, TRACE, 1, request_text(identifier))
    assert parse(pack(begin)) == begin


@pytest.mark.parametrize("identifier", [10**20, "x" * 300, "\ud800", 1.5, None], ids=lambda value: ascii(value)[:8])
def test_an_id_that_no_begin_carries_is_left_out(identifier: object) -> None:
    assert request_text(identifier) == ""
