"""Keeps the kernel's maps as the lease says: which processes are watched, which epoch counts, what was lost."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from . import processes
from .binding import State
from .decode import LOSS, MEMBER, ROOT, KernelEvent
from .flows import FlowTotals
from .loader import Kernel

__all__ = ["Watch"]

_PID = struct.Struct("<I")
_IDLE_NS = 30_000_000_000


class Watch:
    """The kernel half seen from the book of calls. `root` is a host process id."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._totals = FlowTotals()
        self._lost: dict[int, int] = {}

    def add(self, root: int, state: State) -> None:
        """Watch `root` and everything below it. Whatever it forks from now on the kernel adds by itself.

        Raises OSError when a map is full.
        """
        key = _PID.pack(root)
        self._kernel.losses.put(key, LOSS.pack(0, 0, 0))
        self._lost[root] = 0
        self.stamp(root, state)
        self._kernel.watched.put(key, MEMBER.pack(root, 0, 0))
        missed = True
        while missed:  # what forked while we looked is found by looking again
            below = processes.descendants(root, processes.parents())
            missed = sum(self._kernel.watched.add(_PID.pack(pid), MEMBER.pack(root, 0, 0)) for pid in below) > 0

    def stamp(self, root: int, state: State) -> None:
        self._kernel.roots.put(_PID.pack(root), ROOT.pack(*state))

    def living(self) -> set[int]:
        """Roots with a process that is still watched. Forgets processes that died unseen."""
        roots: set[int] = set()
        for key, value in list(self._kernel.watched.items()):
            root, _, _ = MEMBER.unpack(value)
            if processes.start_ns(_PID.unpack(key)[0]) is None:
                self._kernel.watched.remove(key)
            else:
                roots.add(root)
        return roots

    def remove(self, root: int) -> None:
        key = _PID.pack(root)
        self._kernel.roots.remove(key)
        self._kernel.losses.remove(key)
        self._lost.pop(root, None)

    def events(self) -> Iterator[bytes]:
        """Ring records that are new."""
        block, records = self._kernel.ring.read()
        for at, length in records:
            yield block[at : at + length]

    def flow_entries(self) -> list[tuple[bytes, bytes]]:
        """The kernel's flow table as it stands: keys and running totals."""
        return list(self._kernel.flows.items())

    def flows(
        self, entries: Iterable[tuple[bytes, bytes]], current: Callable[[int], int], now_ns: int
    ) -> list[KernelEvent]:
        """Bytes added since the last call; `current` gives the epoch of a root, 0 for none."""

        def finished(total: KernelEvent) -> bool:
            return total.epoch != current(total.root) or total.mono_ns < now_ns - _IDLE_NS

        events, over = self._totals.added(entries, finished)
        for key in over:
            self._kernel.flows.remove(key)
        return events

    def lost(self, root: int) -> int:
        """Facts of `root` that were dropped in the kernel since the last call."""
        raw = self._kernel.losses.get(_PID.pack(root))
        total = sum(LOSS.unpack(raw)) if raw else 0
        before = self._lost.get(root, 0)
        self._lost[root] = total
        return total - before
