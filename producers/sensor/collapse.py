"""Equal opens of one reading as one record with a count, before anything is decoded. Pure.

A hot loop fills the ring with records that differ in time alone; to decode each of them is what would cost.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from .layouts import HEAD, KINDS

__all__ = ["collapsed"]

_OPEN = struct.pack("<H", next(number for number, kind in KINDS.items() if kind == "open"))
_KIND = struct.calcsize("<I")
_TIME = struct.calcsize("<IHH")
_PROCESS = struct.calcsize("<IHHQ")
_PARENT = struct.calcsize("<IHHQ2I")  # the thread does not tell two opens apart
_RESULT = struct.calcsize("<IHHQ6I4Q")
_ARGUMENT = struct.calcsize("<IHHQ6I4Qq")
_COMMAND = HEAD.size - 16
_NEGATIVE = 0x80


def collapsed(block: bytes, places: Iterable[tuple[int, int]]) -> list[tuple[bytes, int]]:
    """Records at (offset, length) of `block` in the order they first came, each with how many equal ones it stands for.

    Equal opens are of one process, path, inode, flags and epoch, and failed alike or did not fail.
    """
    counts: dict[bytes, int] = {}
    firsts: dict[bytes, bytes] = {}
    for at, length in places:
        record = block[at : at + length]
        key = _key(record) if record[_KIND:_TIME][:2] == _OPEN and length >= HEAD.size else record
        if key in counts:
            counts[key] += 1
        else:
            counts[key] = 1
            firsts[key] = record
    return [(firsts[key], count) for key, count in counts.items()]


def _key(record: bytes) -> bytes:
    failure = record[_RESULT:_ARGUMENT] if record[_ARGUMENT - 1] & _NEGATIVE else b""
    same = record[_KIND:_TIME] + record[_PROCESS : _PROCESS + 4] + record[_PARENT:_RESULT]
    return b"".join((same, failure, record[_ARGUMENT:_COMMAND], record[HEAD.size :]))
