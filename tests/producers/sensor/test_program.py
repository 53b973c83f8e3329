"""What is compiled: offsets from BTF, features that stand or fall with them, BCC's dialect. The BTF is made by hand."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import TriptychError
from triptych.producers.sensor.btf import Btf, BtfError
from triptych.producers.sensor.front_end import BPF_SOURCES
from triptych.producers.sensor.program import FEATURES, joined, members_of, plan, to_bcc

INT, STRUCT, UNION, TYPEDEF = 1, 4, 5, 8
BODY = joined("sensor.body.c", lambda name: (BPF_SOURCES / name).read_text())
CODE = re.sub(r"/\*.*?\*/", "", BODY, flags=re.DOTALL)
OF_SYSTEM_CALLS = {"open", "open-32bit", "messages", "targets"}


class Blob:
    """Builds BTF: types in order, names deduplicated."""

    def __init__(self) -> None:
        self._names = b"\0"
        self._types = b""
        self._count = 0
        self._integer = self._add("int", INT, 4, 0, struct.pack("<I", 32))

    def struct(self, name: str, members: Iterable[tuple[str, int, int]], kind: int = STRUCT) -> int:
        """A structure of (name, type, byte offset) members."""
        listed = [struct.pack("<III", self._name(member), of or self._integer, at * 8) for member, of, at in members]
        return self._add(name, kind, 64, len(listed), b"".join(listed))

    def typedef(self, name: str) -> int:
        return self._add(name, TYPEDEF, self._integer, 0, b"")

    def bytes(self) -> bytes:
        size = len(self._types)
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, size, size, len(self._names))
        return head + self._types + self._names

    def _add(self, name: str, kind: int, target: int, length: int, tail: bytes) -> int:
        self._types += struct.pack("<III", self._name(name), kind << 24 | length, target) + tail
        self._count += 1
        return self._count

    def _name(self, text: str) -> int:
        if not text:
            return 0
        found = self._names.find(b"\0" + text.encode() + b"\0")
        if found < 0:
            found = len(self._names) - 1
            self._names += text.encode() + b"\0"
        return found + 1


def _kernel(*absent: str) -> Btf:
    """Every structure the features name, but the members and tracepoints that are `absent`."""
    blob = Blob()
    paths: dict[str, dict[str, list[str]]] = {}
    for structure, path in {member for feature in FEATURES for member in feature.offsets.values()}:
        first, _, rest = path.partition(".")
        paths.setdefault(structure, {}).setdefault(first, []).append(rest)
    for structure, members in sorted(paths.items()):
        listed = []
        for at, (member, rests) in enumerate(sorted(members.items())):
            inner = [(rest, 0, 4 * n) for n, rest in enumerate(sorted(filter(None, rests)))]
            listed.append((member, blob.struct("", inner) if inner else 0, 8 * (at + 1)))
        blob.struct(structure, [member for member in listed if f"{structure}.{member[0]}" not in absent])
    for name in (program for feature in FEATURES for program in feature.programs):
        if name not in absent:
            blob.typedef(f"btf_trace_{name}")
    return Btf(blob.bytes())


def test_a_member_is_found_through_unnamed_ones() -> None:
    blob = Blob()
    inner = blob.struct("", [("deep", 0, 4)], UNION)
    blob.struct("outer", [("first", 0, 0), ("", inner, 16)])
    assert Btf(blob.bytes()).offset("outer", "deep") == 20


def test_a_path_leads_through_members() -> None:
    blob = Blob()
    inner = blob.struct("inner", [("leaf", 0, 12)])
    blob.struct("outer", [("middle", inner, 32)])
    assert Btf(blob.bytes()).offset("outer", "middle.leaf") == 44


@pytest.mark.parametrize(("structure", "path"), [("outer", "absent"), ("absent", "first"), ("outer", "first.deeper")])
def test_what_is_missing_has_no_offset(structure: str, path: str) -> None:
    blob = Blob()
    blob.struct("outer", [("first", 0, 0)])
    assert Btf(blob.bytes()).offset(structure, path) is None


@given(st.binary(max_size=200))
def test_bytes_that_are_no_btf_are_refused(data: bytes) -> None:
    with pytest.raises(BtfError):
        Btf(b"xx" + data)


def test_a_whole_kernel_serves_every_feature() -> None:
    made = plan(_kernel(), ring_bytes=1 << 16)
    assert made.features == tuple(dict.fromkeys(feature.name for feature in FEATURES))
    assert made.missing == {}
    assert "-DRING_PAGES=16" in made.flags


OLDER = ("io_uring_submit_sqe", "io_kiocb.open")  # where the newer words for the same things stand beside them


@pytest.mark.parametrize(
    ("without", "gone"),
    [
        ("io_uring_submit_req", {"open-io-uring"}),
        ("sock_send_length", {"bytes"}),
        ("sock.sk_protocol", {"network", "connect", "bytes", *OF_SYSTEM_CALLS}),
        ("sys_exit", OF_SYSTEM_CALLS),
        ("pt_regs.bp", {"open-32bit"}),
        ("socket.sk", {"messages", "targets"}),
    ],
)
def test_what_a_kernel_lacks_switches_off_what_rests_on_it(without: str, gone: set[str]) -> None:
    made = plan(_kernel(*OLDER, without), ring_bytes=1 << 16)
    assert set(made.missing) == gone
    assert all(without in reason for reason in made.missing.values())
    lost = {feature.flag for feature in FEATURES if feature.name in gone and feature.flag}
    assert not lost & {flag.removeprefix("-D") for flag in made.flags}


def test_a_kernel_without_the_task_members_is_refused() -> None:
    with pytest.raises(TriptychError, match=r"task_struct\.real_parent"):
        plan(_kernel("task_struct.real_parent"), ring_bytes=1 << 16)


def test_one_of_two_words_for_the_same_thing_is_enough() -> None:
    made = plan(_kernel("io_uring_submit_req", "io_kiocb.cmd"), ring_bytes=1 << 16)
    assert made.missing == {}
    assert "io_uring_submit_sqe" in made.programs
    assert {"-DHAS_command=0", "-DHAS_open_member=1", "-DO_request_command=0"} <= set(made.flags)


def test_a_question_inside_a_program_is_answered_even_where_the_answer_is_no() -> None:
    made = plan(_kernel("pt_regs.bp"), ring_bytes=1 << 16)
    assert {"-DHAS_compat=0", "-DO_task_status=0", "-DO_regs_compat_0=0"} <= set(made.flags)


def test_registers_are_those_of_the_machine() -> None:
    feature = next(feature for feature in FEATURES if feature.name == "open")
    assert members_of(feature, "x86_64")["regs_number"] == ("pt_regs", "orig_ax")
    assert members_of(feature, "aarch64")["regs_5"] == ("pt_regs", "regs[5]")
    assert members_of(feature, "aarch64").keys() == members_of(feature, "x86_64").keys()


def test_a_file_is_joined_once_and_in_place() -> None:
    files = {"a": '#include "b"\n#include "c"\nA\n', "b": '#include "c"\nB\n', "c": "C\n#include <far>\n"}
    assert joined("a", files.__getitem__).split() == ["C", "#include", "<far>", "B", "A"]


def test_every_neutral_word_of_the_body_is_translated() -> None:
    code = to_bcc(CODE)
    assert not re.search(r"\b(?:MAP_\w+|RING_OUTPUT|PROGRAM)\(", code)
    assert len(re.findall(r"bpf_raw_tracepoint_args", code)) == sum(len(feature.programs) for feature in FEATURES)


def test_every_offset_of_the_body_is_given_and_every_given_one_is_used() -> None:
    used = set(re.findall(r"\bO_((?!CREAT)\w+)", CODE))
    assert used == {name for feature in FEATURES for name in feature.offsets}


def test_every_question_and_switch_of_the_body_is_answered() -> None:
    assert set(re.findall(r"\bHAS_(\w+)", CODE)) <= {feature.has for feature in FEATURES}
    assert set(re.findall(r"\bWITH_\w+", CODE)) == {feature.flag for feature in FEATURES if feature.flag}


def test_every_size_of_a_map_is_given() -> None:
    made = plan(_kernel(), ring_bytes=1 << 16)
    told = {flag.removeprefix("-D").partition("=")[0] for flag in made.flags}
    sizes = re.findall(r"^MAP_\w+\(.*, (\w+)\)$", CODE, re.MULTILINE)
    assert {size for size in sizes if not size.isdigit()} <= told
    assert made.entries["events"] == 1 << 16
