"""What the running sensor asks of whatever gives it kernel events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .binding import State
from .decode import KernelEvent

__all__ = ["KernelHalf", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelHalf:
    """What can be seen here: hooks that are attached, features that are off with what they lack, what loaded it."""

    features: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    front_end: str = ""
    release: str = ""


class Source(Protocol):
    """Where kernel events come from: the running kernel (Watch), or a recording (Recorded)."""

    half: KernelHalf
    descriptor: int  # readable when something happened
    undecodable: int  # records that no program of this version writes

    def add(self, root: int, server: str, state: State) -> None: ...

    def stamp(self, root: int, state: State) -> None: ...

    def remove(self, root: int) -> None: ...

    def root_of(self, pid: int) -> int | None: ...

    def living(self) -> set[int]: ...

    def settled(self, now_ns: int) -> int: ...

    def events(
        self, current: Callable[[int], int], now_ns: int, *, every_sum: bool = False
    ) -> Iterator[tuple[KernelEvent, int]]:
        """What happened since the last call, each with how many equal events it stands for."""
        ...

    def lost(self, root: int) -> int: ...

    def gone(self) -> tuple[str, ...]:
        """What somebody else took from the sensor: its links, or the entries of its servers in the kernel's book."""
        ...

    def close(self) -> None: ...
