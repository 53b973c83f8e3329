"""Which closed turns may be in a sample at all, so that a busy server's turns are not measured for nothing. Pure.

A sample keeps the turns of the smallest ranks (samples.py). What is not among those that this worker has seen is not
among those that all workers have seen either.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import OrderedDict

__all__ = ["MOST", "Drawing", "ranked"]

MOST = 1_000
_NAMES = 32


class Drawing:
    """Remembers the smallest ranks of the samples that it was asked about last; of others it takes every turn."""

    def __init__(self, most: int = MOST, names: int = _NAMES) -> None:
        self._most = most
        self._names = names
        self._ranks: OrderedDict[str, list[int]] = OrderedDict()

    def takes(self, sample: str, turn: str) -> bool:
        """Whether the turn may be in the sample. One that comes again is counted once."""
        rank, ranks = ranked(turn)[0], self._ranks.setdefault(sample, [])
        self._ranks.move_to_end(sample)
        if len(self._ranks) > self._names:
            self._ranks.popitem(last=False)
        at = bisect_left(ranks, rank)
        if ranks[at : at + 1] != [rank]:
            ranks.insert(at, rank)
            del ranks[self._most :]
        return at < self._most


def ranked(turn: str) -> tuple[int, bytes]:
    """48 bits to order turns by, exact as a float, and 64 that stand for the turn."""
    digest = hashlib.blake2b(turn.encode("utf-8", "surrogatepass"), digest_size=14).digest()
    return int.from_bytes(digest[8:], "big"), digest[:8]
