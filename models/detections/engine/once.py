"""Asking one call the same thing once: rules ask about a call one after the other, and mostly the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ...events import Call
from ...turn import Turn

__all__ = ["Once", "Twice"]

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """A pure function of a call that remembers its last answer, by identity of the call."""

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[Call], Answer]) -> None:
        self._read = read
        self._last: tuple[Call | None, Any] = (None, None)

    def __call__(self, call: Call) -> Answer:
        last = self._last
        if last[0] is not call:
            self._last = last = (call, self._read(call))
        answer: Answer = last[1]
        return answer


class Twice(Generic[Answer]):
    """The same of a function of a call in its turn."""

    __slots__ = ("_last", "_read")

    def __init__(self, read: Callable[[Call, Turn], Answer]) -> None:
        self._read = read
        self._last: tuple[Call | None, Turn | None, Any] = (None, None, None)

    def __call__(self, call: Call, turn: Turn) -> Answer:
        last = self._last
        if last[0] is not call or last[1] is not turn:
            self._last = last = (call, turn, self._read(call, turn))
        answer: Answer = last[2]
        return answer
