"""Avro's numbers and blocks beyond the usual case of one byte, for the readers and writers of specialised.py. Pure."""

from __future__ import annotations

from typing import Any, Final

from .native import i64

__all__ = ["ONE", "block", "long", "more", "past", "remember", "spelt"]

ONE: Final = [bytes((n,)) for n in range(256)]
"""Every byte."""

_MOST = (1 << 64) - 1
_LAST: Final = 1 << 63
_NINE: Final = 1 << 56  # from there to _LONG numbers take nine bytes, as do all times of this century
_LONG: Final = (1 << 62) - 1
_KEYS = 4096  # that runs are remembered for, and how many of each
_OF_A_KEY = 4
_LONG_RUN: Final = 1024  # bytes


def more(data: bytes, at: i64, n: i64) -> tuple[i64, i64]:
    """The rest of a length whose first byte was `n`, not zigzagged, and the position behind it. No bytes are so many
    that theirs has more than 63 bits."""
    n &= 127
    byte: i64
    shift: i64 = 7
    while shift < 63:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, at
        shift += 7
    if data[at]:
        raise ValueError("a length of more than 63 bits")
    return n, at + 1


def long(data: bytes, at: i64) -> tuple[int, i64]:
    """The number that begins at `at`, and the position behind it."""
    n: i64 = 0
    byte: i64
    shift: i64 = 0
    while shift < 63:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n >> 1 ^ -(n & 1), at
        shift += 7
    if data[at] > 1:
        raise ValueError("a number of more than 64 bits")
    whole: int = n
    if data[at]:
        whole |= _LAST
    return whole >> 1 ^ -(whole & 1), at + 1


def past(data: bytes, at: i64, many: i64) -> i64:
    """The position behind so many numbers."""
    start: i64
    while many:
        many -= 1
        start = at
        while data[at] > 127:
            at += 1
        if at - start > 8 and (at - start > 9 or data[at] > 1):
            raise ValueError("a number of more than 64 bits")
        at += 1
    return at


def spelt(n: int) -> bytes:
    """A zigzagged number as it stands on the wire. Raises OverflowError beyond 64 bits."""
    if 0 <= n < 128:
        return ONE[n]
    if _NINE <= n <= _LONG:
        low: int = _four(n)
        high: int = _four(n >> 28) | n >> 56 << 32
        return low.to_bytes(4, "little") + high.to_bytes(5, "little")
    if not 0 <= n <= _MOST:
        raise OverflowError("a number of more than 64 bits")
    out = []
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _four(n: i64) -> i64:
    """The four bytes that stand for the last 28 bits of a number that goes on behind them, as one number."""
    return n & 0x7F | (n & 0x3F80) << 1 | (n & 0x1FC000) << 2 | (n & 0xFE00000) << 3 | 0x80808080


def block(data: bytes, at: i64, n: i64) -> tuple[i64, i64]:
    """Twice the items of an array's block; a negative count has the size of the block behind it."""
    if n > 127:
        n, at = more(data, at, n)
        if n > _LONG:
            raise ValueError("more items than any bytes have")  # one more would be negative, and no items at all
    if n & 1:
        n += 1  # zigzag: -count is 2 * count - 1
        at = past(data, at, 1)
    return n, at


def remember(known: dict[str, list[tuple[bytes, Any]]], key: str, run: bytes, values: Any) -> None:
    """Know the bytes of a run again, unless they are many; the oldest of a key go first."""
    if len(run) > _LONG_RUN:
        return
    if key not in known and len(known) >= _KEYS:
        known.clear()
    of_key = known.setdefault(key, [])
    of_key.insert(0, (run, values))
    del of_key[_OF_A_KEY:]
