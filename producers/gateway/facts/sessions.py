"""Mcp-Session-Id: which sessions a server opened and closed, and whether their ids can be guessed.

Ids are kept in memory, never published. Bounds: 8192 sessions, the last 64 ids for their look.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from itertools import pairwise
from posixpath import commonprefix

__all__ = ["SessionIds", "Sessions", "predictable"]

_MOST = 8192
_LEAST = 20  # ids before anything is said
_SAMPLE = 64
_EVERY = 16  # ids between two looks
_LONGEST = 256
_SAFE_BITS = 64
_TOLERANCE = 6  # bits by which the estimate errs for ids of 64 bits
_BITS_A_PLACE = 6


class Sessions:
    """The sessions of one server, by whatever stands for their id (a digest). Remembers ends as long as beginnings."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, bool] = OrderedDict()

    def started(self, session: str) -> None:
        """A 2xx reply to initialize named it."""
        self._note(session, True)

    def ended(self, session: str) -> None:
        """A DELETE succeeded, or the server said 404."""
        self._note(session, False)

    def used(self, session: str) -> tuple[str, str] | None:
        """The anomaly of a request in this session, with its evidence."""
        known = self._open.get(session)
        if known:
            self._open.move_to_end(session)
            return None
        if known is None:
            return "session-unknown", "no initialize opened it through this gateway"
        return "session-ended", "used after its end"

    def _note(self, session: str, is_open: bool) -> None:
        self._open[session] = is_open
        self._open.move_to_end(session)
        if len(self._open) > _MOST:
            self._open.popitem(last=False)


class SessionIds:
    """The ids that one server hands out."""

    def __init__(self) -> None:
        self._ids: deque[str] = deque(maxlen=_SAMPLE)
        self._fresh = 0
        self._verdict = ""

    def add(self, session_id: str) -> str:
        """Evidence that the ids so far can be guessed; empty while they cannot, or are fewer than 20."""
        session_id = session_id[:_LONGEST]
        if session_id not in self._ids:
            self._ids.append(session_id)
            self._fresh += 1
            if len(self._ids) == _LEAST or (len(self._ids) > _LEAST and self._fresh >= _EVERY):
                self._fresh = 0
                self._verdict = predictable(tuple(self._ids))
        return self._verdict


def predictable(ids: Sequence[str]) -> str:
    """How distinct ids in the order of their issue can be guessed; empty where none of these signs shows.

    Numbers that only rise by less than 64 bits, a common beginning of more than half, or about less than 64 bits of
    entropy over all places.
    """
    steps = _steps(ids)
    if steps is not None and steps < _SAFE_BITS:
        return f"rising by less than {steps} bits over {len(ids)} ids"
    common, shortest = len(commonprefix(ids)), min(map(len, ids))
    if common * 2 > shortest:
        return f"{common} of {shortest} characters are common to {len(ids)} ids"
    bits = math.floor(_entropy(ids))
    return f"about {bits} bits of entropy over {len(ids)} ids" if bits < _SAFE_BITS - _TOLERANCE else ""


def _steps(ids: Sequence[str]) -> int | None:
    """Bits of the largest step between ids that are numbers and rise all the way (or fall)."""
    for base in (10, 16):
        try:
            numbers = [int(text.replace("-", ""), base) for text in ids]
        except ValueError:
            continue
        steps = [later - sooner for sooner, later in pairwise(numbers)]
        if all(step > 0 for step in steps) or all(step < 0 for step in steps):
            return max(map(abs, steps)).bit_length()
    return None


def _entropy(ids: Sequence[str]) -> float:
    """Collision entropy (Renyi, order 2), place by place: from how many pairs of ids show the same character there.

    Unbiased for small samples, where Shannon's would call random ids guessable. At most 6 bits a place.
    """
    pairs = len(ids) * (len(ids) - 1)
    total = 0.0
    for place in range(min(map(len, ids))):
        same = sum(count * (count - 1) for count in Counter(text[place] for text in ids).values())
        total += min(_BITS_A_PLACE, -math.log2(max(same, 1) / pairs))
    return total
