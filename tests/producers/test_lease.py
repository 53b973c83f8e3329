"""The lease messages: both ends read what the other wrote, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.lease import Attach, Begin, End, Granted, LeaseError, Refused, pack, parse

CALL = "0190b5a0-0000-7000-8000-000000000001"
TRACE = "0af7651916cd43dd8448eb211c80319c"
MESSAGES = [Attach("files"), Granted("pod-1", 42, 7), Refused("no such process"), Begin(CALL, TRACE), End(CALL)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_way(message: Attach | Granted | Refused | Begin | End) -> None:
    assert parse(pack(message)) == message


@given(st.binary(max_size=100))
def test_any_other_packet_is_a_lease_error(data: bytes) -> None:
    try:
        parsed = parse(data)
    except LeaseError:
        return
    assert parse(pack(parsed)) == parsed
