"""Avro's numbers and blocks beyond the usual case of one byte, for the readers and writers of specialised.py. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["block", "more", "past", "put", "remember"]

_MOST = (1 << 64) - 1
_KEYS = 4096  # that runs are remembered for, and how many of each
_OF_A_KEY = 4


def more(data: bytes, at: int, n: int) -> tuple[int, int]:
    """The rest of a number whose first byte was `n`, not zigzagged, and the position behind it."""
    n &= 127
    for shift in range(7, 64, 7):
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128 and (byte < 2 or shift < 63):
            return n, at
    raise ValueError("a number of more than 64 bits")


def past(data: bytes, at: int, many: int) -> int:
    """The position behind so many numbers."""
    for _ in range(many):
        start = at
        while data[at] > 127:
            at += 1
        if at - start > 8 and (at - start > 9 or data[at] > 1):
            raise ValueError("a number of more than 64 bits")
        at += 1
    return at


def put(n: int, out: bytearray) -> None:
    """Write a zigzagged number."""
    if not 0 <= n <= _MOST:
        raise OverflowError("a number of more than 64 bits")
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


def block(data: bytes, at: int, n: int) -> tuple[int, int]:
    """Twice the items of an array's block; a negative count has the size of the block behind it."""
    if n > 127:
        n, at = more(data, at, n)
    if n & 1:
        n += 1  # zigzag: -count is 2 * count - 1
        size = data[at]
        at += 1
        if size > 127:
            _, at = more(data, at, size)
    return n, at


def remember(known: dict[str, list[tuple[bytes, Any]]], key: str, run: bytes, values: Any) -> None:
    """Know the bytes of a run again; the oldest of a key go first."""
    if key not in known and len(known) >= _KEYS:
        known.clear()
    of_key = known.setdefault(key, [])
    of_key.insert(0, (run, values))
    del of_key[_OF_A_KEY:]
