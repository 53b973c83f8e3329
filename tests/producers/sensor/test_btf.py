"""Offsets of elements of arrays, as registers of arm64 need them. The BTF is made by hand, as test_program.py's is."""

from __future__ import annotations

import struct

import pytest

from triptych.producers.sensor.btf import Btf

INT, POINTER, ARRAY, STRUCT = 1, 2, 3, 4


def _blob() -> bytes:
    """struct s { long head; long many[4] at 8; void *links[3] at 40; struct pair { int a, b; } pairs[2] at 64; }"""
    names = b"\0s\0head\0many\0links\0pairs\0pair\0a\0b\0long\0int\0"

    def name(text: str) -> int:
        return names.index(b"\0" + text.encode() + b"\0") + 1

    def typed(label: str, kind: int, length: int, size: int, tail: bytes) -> bytes:
        return struct.pack("<III", name(label) if label else 0, kind << 24 | length, size) + tail

    def members(*listed: tuple[str, int, int]) -> bytes:
        return b"".join(struct.pack("<III", name(label), of, at * 8) for label, of, at in listed)

    types = typed("long", INT, 0, 8, struct.pack("<I", 64))  # 1
    types += typed("int", INT, 0, 4, struct.pack("<I", 32))  # 2
    types += typed("", POINTER, 0, 0, b"")  # 3
    types += typed("pair", STRUCT, 2, 8, members(("a", 2, 0), ("b", 2, 4)))  # 4
    types += typed("", ARRAY, 0, 0, struct.pack("<III", 1, 2, 4))  # 5
    types += typed("", ARRAY, 0, 0, struct.pack("<III", 3, 2, 3))  # 6
    types += typed("", ARRAY, 0, 0, struct.pack("<III", 4, 2, 2))  # 7
    types += typed("s", STRUCT, 4, 80, members(("head", 1, 0), ("many", 5, 8), ("links", 6, 40), ("pairs", 7, 64)))
    return struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(names)) + types + names


def test_a_variant_is_the_structure_it_is_a_variant_of() -> None:
    assert Btf(_blob()).offset("s___old", "many") == 8


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("many[0]", 8),
        ("many[3]", 32),
        ("links[2]", 56),
        ("pairs[1].b", 76),
        ("many[4]", None),
        ("head[0]", None),
        ("absent[0]", None),
    ],
)
def test_an_element_lies_behind_those_before_it(path: str, offset: int | None) -> None:
    assert Btf(_blob()).offset("s", path) == offset
