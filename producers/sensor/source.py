"""What the running sensor asks of whatever gives it kernel events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from .binding import State
from .decode import KernelEvent

__all__ = ["Source"]


class Source(Protocol):
    """Where kernel events come from: the running kernel (Watch), or a recording (Recorded)."""

    features: tuple[str, ...]
    missing: Mapping[str, str]
    descriptor: int  # readable when something happened

    def add(self, root: int, server: str, state: State) -> None: ...

    def stamp(self, root: int, state: State) -> None: ...

    def remove(self, root: int) -> None: ...

    def root_of(self, pid: int) -> int | None: ...

    def living(self) -> set[int]: ...

    def settled(self, now_ns: int) -> int: ...

    def events(self, current: Callable[[int], int], now_ns: int) -> Iterator[KernelEvent]: ...

    def lost(self, root: int) -> int: ...

    def close(self) -> None: ...
