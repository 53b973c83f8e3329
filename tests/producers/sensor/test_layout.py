"""The structures of events.h and the formats of decode.py are one and the same, member by member."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from triptych.producers.sensor.front_end import BPF_SOURCES
from triptych.producers.sensor.layouts import FLAGS, KINDS, LAYERS, LAYOUTS, OPERATIONS, VIAS

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "s64": 8}
HEADER = re.sub(r"/\*.*?\*/", "", (BPF_SOURCES / "events.h").read_text(), flags=re.DOTALL)
STRUCTS = dict(re.findall(r"struct (\w+) \{(.*?)\};", HEADER, re.DOTALL))
MEMBER = re.compile(r"(struct \w+|\w+) (\w+)(?:\[(\d+)\])?;")


def _members(name: str, start: int = 0) -> list[tuple[int, int, bool]]:
    """(offset, size, whether it is a signed or unsigned number) of each member, by the alignment rules of the ABI."""
    found, at = [], start
    for kind, _, length in MEMBER.findall(STRUCTS[name]):
        if kind.startswith("struct "):
            inner = _members(kind.removeprefix("struct "), at)
            found += inner
            at = inner[-1][0] + inner[-1][1]
            continue
        at = -(-at // SIZES[kind]) * SIZES[kind]
        size = SIZES[kind] * int(length or 1)
        found.append((at, size, not length))
        at += size
    return found


def _fields(layout: struct.Struct) -> list[tuple[int, int, bool]]:
    found, at = [], 0
    for count, code in re.findall(r"(\d*)([A-Za-z])", layout.format):
        if code == "s":
            found.append((at, int(count), False))
            at += int(count)
            continue
        for _ in range(int(count or 1)):
            found.append((at, struct.calcsize(f"<{code}"), True))
            at += found[-1][1]
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_python_reads_what_c_writes(name: str) -> None:
    assert _fields(LAYOUTS[name]) == _members(name)
    at, size, _ = _members(name)[-1]
    assert LAYOUTS[name].size == at + size


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_structure_has_a_hole_or_a_tail_that_the_kernel_would_leak(name: str) -> None:
    members = _members(name)
    assert [offset for offset, _, _ in members[1:]] == [offset + size for offset, size, _ in members[:-1]]
    assert LAYOUTS[name].size % (8 if any(size == 8 and plain for _, size, plain in members) else 2) == 0


def test_every_structure_of_the_header_is_compared() -> None:
    assert set(STRUCTS) == set(LAYOUTS)


def _numbers(file: str, prefix: str) -> dict[str, int]:
    """The words `#define <prefix><WORD> <number>` of a header."""
    text = (BPF_SOURCES / file).read_text()
    return {name.lower(): int(value) for name, value in re.findall(rf"#define {prefix}(\w+) (\d+)\b", text)}


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("EVENT_", {name: number for number, name in KINDS.items()}),
        ("FLAG_", FLAGS),
        ("VIA_", {name.removeprefix("io_"): number for number, name in VIAS.items() if number}),
        ("LAYER_", {name: number for number, name in LAYERS.items() if number}),
    ],
)
def test_words_mean_the_same_number_on_both_sides(prefix: str, words: dict[str, int]) -> None:
    assert _numbers("events.h", prefix) == words


def test_operations_mean_the_same_number_on_both_sides() -> None:
    numbers = _numbers("arch.h", "OP_")
    told = {name: number for name, number in numbers.items() if number >= numbers["escapes"] and name[-1] != "s"}
    told |= {"setns": numbers["setns"], "io_ports": numbers["io_ports"]}
    assert told == {name: number for number, name in OPERATIONS.items()}


def test_the_program_is_licensed_as_its_helpers_demand() -> None:
    sources = [path for path in Path(BPF_SOURCES).iterdir() if path.suffix in {".c", ".h"}]
    assert sources
    assert all(path.read_text().startswith("/* SPDX-License-Identifier: GPL-2.0 */") for path in sources)
