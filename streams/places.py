"""How far each partition was given out, worked on and finished, by offsets alone. Pure.

A chunk begins where the last one ended, and a commit ends before the first chunk that is not finished, whatever a
client or a framework lost, repeated or skipped on the way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

__all__ = ["Places", "Records"]

_offset = attrgetter("offset")


class Records(list[Any]):
    """Raw consumer records of one chunk, at least one. Nothing but `finished` makes its offsets committable; `end` is
    the offset behind the last one.

    Faust itself acknowledges what it skips around a rebalance, which would commit records that nobody worked on.
    """

    def __init__(self, records: Sequence[Any]) -> None:
        super().__init__(records)
        self.end = int(records[-1].offset) + 1
        self.finished = False


class Places:
    """The partitions as they were sought last."""

    def __init__(self) -> None:
        self._next: dict[Any, int] = {}  # what the next chunk begins with
        self._missed: dict[Any, tuple[int, int]] = {}  # what was to be read again, and what came instead of it
        self._open: dict[Any, deque[Records]] = {}  # given and not committed, in order
        self._fed: dict[Any, int] = {}

    def begin(self, at: Mapping[Any, int]) -> None:
        """Partitions are read from these offsets on, and no others."""
        self._next, self._fed = dict(at), dict(at)
        self._missed, self._open = {}, {}

    def following(self, tp: Any, records: Sequence[Any]) -> Sequence[Any]:
        """Those of the records, in order, that were not given yet. Ask for what is missing() first."""
        expected = self._next.get(tp)
        if expected is None:
            return ()
        if records and records[0].offset <= expected:
            self._missed.pop(tp, None)  # it is being read again: what gets lost from here on got lost anew
        return records[bisect_left(records, expected, key=_offset) :]

    def missing(self, tp: Any, came: int) -> int | None:
        """The offset from which to read again, because the client is at `came` already and what is before it was not
        given; None where the same came when that was read again: then it is a gap in the topic."""
        expected = self._next.get(tp)
        if expected is None or came <= expected or self._missed.get(tp) == (expected, came):
            return None
        self._missed[tp] = expected, came
        return expected

    def give(self, tp: Any, records: Sequence[Any]) -> Records:
        """These go out as one chunk."""
        chunk = Records(records)
        self._next[tp] = chunk.end
        self._open.setdefault(tp, deque()).append(chunk)
        return chunk

    def fed(self, tp: Any, chunk: Records) -> None:
        """The chunk was worked on: its records go, and its offsets wait for what was made of them."""
        self._fed[tp] = chunk.end
        chunk.clear()

    def waiting(self, tp: Any) -> bool:
        """Whether something that was given was not worked on, or nothing can be given yet."""
        return self._fed.get(tp, -1) < self._next.get(tp, 0)

    def finished(self, tp: Any) -> int | None:
        """The offset before which everything is finished, once for each time it moves."""
        chunks, reached = self._open.get(tp), None
        while chunks and chunks[0].finished:
            reached = chunks.popleft().end
        return reached
