"""Bytes as the kernel half writes them, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.decode import FLOW, FLOW_KEY, HEAD, DecodeError, Endpoint, decode, decode_flow

OPEN, EXEC, EXIT, CONNECT = 4, 1, 3, 5
RESOLVED, RELATIVE = 2, 4
# An open of /etc/hosts, field by field.
GOLDEN = bytes.fromhex(
    "7300000004000200" "0807060504030201" "1100000012000000" "0100000000000000" "1100000000000000"
    "ffffffff01000000" "0500000000000000" "0300000000000000" "0300000000000000" "0000080000000000"
    "2a00000000000000" "63617400000000000000000000000000" "686f7374730065746300"
    "00"
)  # fmt: skip


def _record(
    kind: int, payload: bytes = b"", *, flags: int = 0, result: int = 0, argument: int = 0, uid: int = 0
) -> bytes:
    size = HEAD.size + len(payload)
    head = (size, kind, flags, 77, 10, 11, 1, uid, 10, 0, 123_456_789, 5, 3, result, argument, 42, b"cat")
    return HEAD.pack(*head) + payload


def test_the_golden_record_is_read_field_by_field() -> None:
    event = decode(GOLDEN)
    assert (event.kind, event.mono_ns, event.pid, event.tid) == ("open", 0x0102030405060708, 17, 18)
    assert (event.ppid, event.uid, event.root) == (1, 0, 17)
    assert event.start_ns == 0x1FFFFFFFF // 10_000_000 * 10_000_000
    assert (event.epoch, event.born, event.result, event.open_flags, event.inode) == (5, 3, 3, 0x80000, 42)
    assert (event.comm, event.path, event.path_source) == (b"cat", b"/etc/hosts", "kernel")


def test_a_start_is_told_as_proc_tells_it() -> None:
    assert decode(_record(EXIT)).start_ns == 120_000_000


def test_a_refused_name_is_joined_to_the_directory_it_starts_from() -> None:
    event = decode(_record(OPEN, b"../b\0dir\0home\0", flags=RELATIVE, result=-2))
    assert (event.path, event.path_source, event.result) == (b"/home/b", "argument", -2)


def test_a_refused_absolute_name_is_the_callers_word() -> None:
    assert decode(_record(OPEN, b"/x/./y\0", result=-13)).path == b"/x/y"


def test_an_open_without_a_name_has_no_path() -> None:
    event = decode(_record(OPEN))
    assert (event.path, event.path_source) == (None, "none")


def test_the_root_directory_has_a_path() -> None:
    assert decode(_record(OPEN, flags=RESOLVED)).path == b"/"


def test_an_exec_has_arguments_and_an_executable() -> None:
    event = decode(_record(EXEC, b"cat\0-n\0" + b"cat\0bin\0usr\0", flags=RESOLVED, argument=7))
    assert (event.arguments, event.path) == ((b"cat", b"-n"), b"/usr/bin/cat")


def test_an_exec_without_arguments_has_none() -> None:
    assert decode(_record(EXEC, b"cat\0", flags=RESOLVED)).arguments == ()


@pytest.mark.parametrize(
    ("family", "address", "text"),
    [
        (2, bytes([127, 0, 0, 1]) + bytes(12), "127.0.0.1"),
        (10, bytes(15) + b"\1", "::1"),
        (10, bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1]), "192.0.2.1"),
    ],
)
def test_an_address_is_told_in_its_shortest_form(family: int, address: bytes, text: str) -> None:
    payload = b"".join(number.to_bytes(2, "little") for number in (family, 6, 0, 443)) + address
    assert decode(_record(CONNECT, payload)).peer == Endpoint(text, 443, 0, "tcp")


def test_a_flow_carries_the_totals_of_its_entry() -> None:
    key = FLOW_KEY.pack(10, 10, 5, 3, 2, 17, 4000, 53, bytes([192, 0, 2, 53]) + bytes(12))
    event = decode_flow(key, FLOW.pack(100, 2000, 99, 123_456_789, 1, 1000, b"dig"))
    assert (event.kind, event.bytes_out, event.bytes_in, event.mono_ns, event.uid) == ("flow", 100, 2000, 99, 1000)
    assert event.peer == Endpoint("192.0.2.53", 53, 4000, "udp")


def test_numbers_the_caller_chose_fit_into_an_event() -> None:
    event = decode(_record(OPEN, argument=2**64 - 1, uid=2**32 - 2))
    assert (event.open_flags, event.uid) == (2**63 - 1, -2)


@pytest.mark.parametrize("record", [b"", b"short", _record(99), _record(CONNECT, b"half"), _record(OPEN)[:-1]])
def test_bytes_that_no_program_writes_are_refused(record: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(record)


@given(st.binary(min_size=HEAD.size, max_size=HEAD.size + 200), st.integers(0, 6))
def test_any_bytes_are_an_event_or_refused(data: bytes, kind: int) -> None:
    record = len(data).to_bytes(4, "little") + kind.to_bytes(2, "little") + data[6:]
    try:
        assert decode(record).kind in {"exec", "fork", "exit", "open", "connect"}
    except DecodeError as error:
        assert error.code == "S10"
