"""Bytes as the kernel half writes them, and what they mean."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.sensor.decode import (
    FILE_KEY,
    FILE_SUM,
    FLOW,
    FLOW_KEY,
    HEAD,
    DecodeError,
    Endpoint,
    decode,
    decode_file,
    decode_flow,
)
from triptych.producers.sensor.layouts import KINDS

NUMBER = {name: number for number, name in KINDS.items()}
OPEN, EXEC, EXIT, CONNECT = NUMBER["open"], NUMBER["exec"], NUMBER["exit"], NUMBER["connect"]
RESOLVED, RELATIVE, SOCKET, RECEIVED, ALONE = 2, 4, 8, 16, 32
# An open of /etc/hosts, field by field.
GOLDEN = bytes.fromhex(
    "8b00000004000200" "0807060504030201" "1100000012000000" "0100000000000000" "1100000001000008"
    "ffffffff01000000" "0500000000000000" "0300000000000000" "0700000000000000" "0300000000000000"
    "0000080000000000" "2a00000000000000" "0100000000000000" "0000010300000000"
    "63617400000000000000000000000000" "686f737473006574630000"
)  # fmt: skip


def _record(
    kind: int,
    payload: bytes = b"",
    *,
    flags: int = 0,
    result: int = 0,
    argument: int = 0,
    uid: int = 0,
    links: int = 1,
    target: int = 0,
    operation: int = 0,
    layer: int = 0,
) -> bytes:
    size = HEAD.size + len(payload)
    head = (size, kind, flags, 77, 10, 11, 1, uid, 10, 0, 123_456_789, 5, 3, 0, result, argument, 42)
    return HEAD.pack(*head, links, target, operation, 1, layer, 0, b"cat") + payload


def test_the_golden_record_is_read_field_by_field() -> None:
    event = decode(GOLDEN)
    assert (event.kind, event.mono_ns, event.pid, event.tid) == ("open", 0x0102030405060708, 17, 18)
    assert (event.ppid, event.uid, event.root) == (1, 0, 17)
    assert event.start_ns == 0x1FFFFFFFF // 10_000_000 * 10_000_000
    assert (event.epoch, event.born, event.result, event.open_flags, event.inode) == (5, 3, 3, 0x80000, 42)
    assert (event.comm, event.path, event.path_source) == (b"cat", b"/etc/hosts", "kernel")
    assert (event.mark, event.device, event.links) == (7, os.makedev(128, 1), 1)
    assert (event.layer, event.via, event.alone) == ("written", "syscall", False)


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
    key = FLOW_KEY.pack(10, 10, 5, 3, 8, 2, 17, 4000, 53, bytes([192, 0, 2, 53]) + bytes(12))
    event = decode_flow(key, FLOW.pack(100, 2000, 99, 123_456_789, 1, 1000, b"dig"))
    assert (event.kind, event.bytes_out, event.bytes_in, event.mono_ns, event.uid) == ("flow", 100, 2000, 99, 1000)
    assert event.peer == Endpoint("192.0.2.53", 53, 4000, "udp")
    assert event.mark == 8


def test_a_sum_of_a_file_carries_what_was_read_written_and_mapped() -> None:
    key = FILE_KEY.pack(10, 10, 5, 3, 8, 42, 0x800001, 0)
    event = decode_file(key, FILE_SUM.pack(100, 2000, 4096, 99, 123_456_789, 1, 1000, b"cat"))
    assert (event.kind, event.bytes_in, event.bytes_out, event.mapped) == ("io", 100, 2000, 4096)
    assert (event.inode, event.device, event.epoch, event.mark) == (42, os.makedev(8, 1), 5, 8)


@pytest.mark.parametrize(
    ("payload", "links", "layer", "told"),
    [
        (b"sh\0bin\0", 1, 2, "image"),
        (b"sh\0bin\0", 1, 3, "written"),
        (b"memfd:x\0", 0, 1, "memory"),
        (b"gone\0tmp\0", 0, 3, "deleted"),
    ],
)
def test_where_an_executable_came_from_is_told(payload: bytes, links: int, layer: int, told: str) -> None:
    event = decode(_record(EXEC, payload, flags=RESOLVED, links=links, layer=layer))
    assert (event.layer, event.links) == (told, links)


def test_an_event_about_no_file_has_no_links() -> None:
    assert decode(_record(NUMBER["fork"])).links == -1


def test_an_escape_names_its_system_call_and_its_aim() -> None:
    event = decode(_record(NUMBER["escape"], result=-1, argument=16, operation=45, target=99))
    assert (event.operation, event.target_pid, event.result, event.open_flags) == ("ptrace", 99, -1, 16)
    assert event.path is None


def test_a_change_has_both_names() -> None:
    payload = b"/etc/shadow\0" + b"copy\0" + b"tmp\0"
    event = decode(_record(NUMBER["change"], payload, flags=RELATIVE, operation=65, target=12))
    assert (event.operation, event.path, event.other_path) == ("link", b"/tmp/copy", b"/etc/shadow")
    assert event.target_pid == 0


def test_a_descriptor_says_what_was_passed_and_which_way() -> None:
    event = decode(_record(NUMBER["descriptor"], b"f\0", flags=RESOLVED | SOCKET | RECEIVED))
    assert (event.operation, event.received, event.path) == ("socket", True, b"/f")


def test_a_process_that_heard_from_nobody_is_alone() -> None:
    assert decode(_record(OPEN, flags=ALONE)).alone


@pytest.mark.parametrize(("protocol", "in_front"), [(17, b""), (6, b"\0\x20")])
def test_a_query_tells_the_name_and_whom_it_asked(protocol: int, in_front: bytes) -> None:
    peer = (
        b"".join(number.to_bytes(2, "little") for number in (2, protocol, 0, 53)) + bytes([192, 0, 2, 53]) + bytes(12)
    )
    event = decode(
        _record(NUMBER["dns"], peer + in_front + bytes([1, 2, 1, 0, 0, 1] + [0] * 6) + b"\2WW\4test\0\0\1\0\1")
    )
    assert event.name == b"ww.test"
    assert event.peer is not None
    assert (event.peer.address, event.peer.port) == ("192.0.2.53", 53)


def test_numbers_the_caller_chose_fit_into_an_event() -> None:
    event = decode(_record(OPEN, argument=2**64 - 1, uid=2**32 - 2))
    assert (event.open_flags, event.uid) == (2**63 - 1, -2)


@pytest.mark.parametrize("record", [b"", b"short", _record(99), _record(CONNECT, b"half"), _record(OPEN)[:-1]])
def test_bytes_that_no_program_writes_are_refused(record: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(record)


@given(st.binary(min_size=HEAD.size, max_size=HEAD.size + 200), st.integers(0, 14))
def test_any_bytes_are_an_event_or_refused(data: bytes, kind: int) -> None:
    record = len(data).to_bytes(4, "little") + kind.to_bytes(2, "little") + data[6:]
    try:
        assert decode(record).kind == KINDS[kind]
    except DecodeError as error:
        assert error.code == "S10"
