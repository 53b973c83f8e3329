"""Keeps the kernel's maps as the lease says: which processes are watched, which epoch counts, what was lost."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from . import processes
from .binding import State
from .decode import LOSS, MEMBER, ROOT, DecodeError, KernelEvent, decode
from .flows import FlowTotals
from .loader import Kernel
from .recording import Recorder

__all__ = ["Watch"]

_PID = struct.Struct("<I")
_IDLE_NS = 30_000_000_000  # of a flow whose call goes on
# A program takes its time stamp, then its place in the ring. What was stamped this long ago has its place by now.
_SETTLE_NS = 2_000_000


class Watch:
    """The kernel half seen from the book of calls. `root` is a host process id."""

    def __init__(self, kernel: Kernel, recorder: Recorder | None = None) -> None:
        self._kernel = kernel
        self._recorder = recorder
        self.descriptor = kernel.ring_descriptor  # readable when something happened
        self.features = kernel.features
        self.missing = kernel.missing  # features this kernel cannot serve, with what it lacks
        self.undecodable = 0
        self._totals = FlowTotals()
        self._lost: dict[int, int] = {}

    def add(self, root: int, server: str, state: State) -> None:
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

    def root_of(self, pid: int) -> int | None:
        """The watched server that `pid` belongs to, by the kernel's book: unlike a parent it cannot be shaken off."""
        raw = self._kernel.watched.get(_PID.pack(pid))
        return int(MEMBER.unpack(raw)[0]) if raw else None

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

    def settled(self, now_ns: int) -> int:
        """Everything stamped before the returned time is in the ring by `now_ns`."""
        return now_ns - _SETTLE_NS

    def events(self, current: Callable[[int], int], now_ns: int) -> Iterator[KernelEvent]:
        """What happened since the last call; `current` gives the epoch of a root, 0 for none."""
        block, records = self._kernel.ring.read()
        for at, length in records:
            record = block[at : at + length]
            if self._recorder:
                self._recorder.raw(b"R", record)
            try:
                yield decode(record)
            except DecodeError:
                self.undecodable += 1
        yield from self._flows(current, now_ns)

    def _flows(self, current: Callable[[int], int], now_ns: int) -> list[KernelEvent]:
        def finished(total: KernelEvent) -> bool:
            return total.epoch != current(total.root) or total.mono_ns < now_ns - _IDLE_NS

        entries = list(self._kernel.flows.items())
        if self._recorder:
            self._recorder.flows(entries)
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

    def close(self) -> None:
        self._kernel.close()
