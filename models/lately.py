"""Asking calls the same thing once, when others are asked between: a chunk of calls is looked up, then taken one by
one, and a turn that ends is asked by all that learn of it. A cache and nothing else: it changes no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .events import Call

__all__ = ["Lately"]

_MOST = 8_192  # calls and their effects that it keeps alive
Answer = TypeVar("Answer")


class Lately(Generic[Answer]):
    """A pure function of a call that remembers its latest answers, by identity of the call."""

    def __init__(self, read: Callable[[Call], Answer]) -> None:
        self._read = read
        self._known: dict[int, tuple[Call, Answer]] = {}
        self._weight = 0

    def __call__(self, call: Call) -> Answer:
        known = self._known.get(id(call))
        if known is not None and known[0] is call:
            return known[1]
        answer = self._read(call)
        weight = 1 + len(call.effects)
        if self._weight + weight > _MOST:
            self._known.clear()
            self._weight = 0
        self._weight += weight
        self._known[id(call)] = call, answer
        return answer
