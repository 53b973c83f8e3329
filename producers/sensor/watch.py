"""Keeps the kernel's maps as the lease says: which processes are watched, which epoch counts, what was lost."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

from . import processes
from .binding import State
from .collapse import collapsed
from .decode import FILE_KEY, FILE_SUM, LOSS, MEMBER, ROOT, DecodeError, KernelEvent
from .guard import Guard
from .loader import Kernel
from .reading import Reading
from .recording import Recorder
from .source import KernelHalf
from .totals import Use

__all__ = ["Watch"]

_PID = struct.Struct("<I")
_IDLE_NS = 30_000_000_000  # of a connection or file whose call goes on
_SUMS_NS = 250_000_000
_LOOKS = 16
# A program takes its time stamp, then its place in the ring. What was stamped this long ago has its place by now.
_SETTLE_NS = 2_000_000


class Watch:
    """The kernel half seen from the book of calls. `root` is a host process id."""

    def __init__(self, kernel: Kernel, recorder: Recorder | None = None) -> None:
        self._kernel = kernel
        self._recorder = recorder
        self.descriptor = kernel.ring_descriptor  # readable when something happened
        self.half = KernelHalf(
            features=kernel.features,
            missing=kernel.missing,
            front_end=kernel.front_end,
            release=os.uname().release,
        )
        self.undecodable = 0
        self._guard = Guard(kernel.links)
        self._started: dict[int, int | None] = {}  # when each root that should be watched began
        self._lacked: dict[int, tuple[str, ...]] = {}  # tables that had no entry of a living root last time
        self._files = kernel.map("files", FILE_KEY.size, FILE_SUM.size)
        self._reading = Reading()
        self._turned = False  # an epoch began since sums were read
        self._summed_ns = 0
        self._lost: dict[int, int] = {}

    def add(self, root: int, server: str, state: State) -> None:
        """Watch `root` and everything below it. Whatever it forks from now on the kernel adds by itself.

        Raises OSError when a map is full.
        """
        key = _PID.pack(root)
        self._kernel.losses.put(key, LOSS.pack(0, 0, 0))
        self._lost[root] = 0
        self.stamp(root, state)
        self._kernel.watched.put(key, MEMBER.pack(root, 0, 0, 0))
        self._started[root] = processes.start_ns(root)
        if not any(self._has_all_below(root) for _ in range(_LOOKS)):
            self._lost[root] -= 1  # a line of processes that fork and end is faster than we are: one of them is missing

    def _has_all_below(self, root: int) -> bool:
        """Watch what is below `root`. What forked meanwhile is found by looking again, until nothing new is."""
        added = 0
        for pid in processes.descendants(root, processes.parents()):
            key = _PID.pack(pid)
            added += self._kernel.watched.add(key, MEMBER.pack(root, 0, 0, 0))
            if processes.start_ns(pid) is None:  # its end came first: nobody would strike the entry
                self._kernel.watched.remove(key)
        return not added

    def stamp(self, root: int, state: State) -> None:
        self._kernel.roots.put(_PID.pack(root), ROOT.pack(*state))
        self._turned = True

    def root_of(self, pid: int) -> int | None:
        """The watched server that `pid` belongs to, by the kernel's book: unlike a parent it cannot be shaken off."""
        raw = self._kernel.watched.get(_PID.pack(pid))
        return int(MEMBER.unpack(raw)[0]) if raw else None

    def living(self) -> set[int]:
        """Roots with a process that is still watched. Forgets processes that died unseen."""
        roots: set[int] = set()
        for key, value in list(self._kernel.watched.items()):
            root = MEMBER.unpack(value)[0]
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
        self._started.pop(root, None)

    def settled(self, now_ns: int) -> int:
        """Everything stamped before the returned time is in the ring by `now_ns`."""
        return now_ns - _SETTLE_NS

    def events(
        self, current: Callable[[int], int], now_ns: int, *, every_sum: bool = False
    ) -> Iterator[tuple[KernelEvent, int]]:
        """What happened since the last call; `current` gives the epoch of a root, 0 for none.

        Sums of connections and files come when calls began or ended, else every quarter of a second.
        """
        block, places = self._kernel.ring.read()
        if self._recorder:
            for at, length in places:
                self._recorder.raw(b"R", block[at : at + length])
        for record, count in collapsed(block, places):
            try:
                event = self._reading.record(record)
            except DecodeError:
                self.undecodable += count
                continue
            if event:
                yield event, count
        if every_sum or self._turned or now_ns - self._summed_ns >= _SUMS_NS:
            self._turned, self._summed_ns = False, now_ns
            yield from ((event, 1) for event in self._sums(current, now_ns))

    def _sums(self, current: Callable[[int], int], now_ns: int) -> Iterator[KernelEvent]:
        def is_finished(use: Use) -> bool:
            return use.epoch != current(use.root) or use.last_ns < now_ns - _IDLE_NS

        tables = (b"F", self._kernel.flows, self._reading.flows), (b"G", self._files, self._reading.files)
        for kind, table, added in tables:
            entries = list(table.items())
            if self._recorder:
                self._recorder.sums(kind, entries)
            events, over = added(entries, is_finished)
            for key in over:
                table.remove(key)
            yield from events

    def lost(self, root: int) -> int:
        """Facts of `root` that were dropped in the kernel since the last call."""
        raw = self._kernel.losses.get(_PID.pack(root))
        total = sum(LOSS.unpack(raw)) if raw else 0
        before = self._lost.get(root, 0)
        self._lost[root] = total
        return max(0, total - before)

    def gone(self) -> tuple[str, ...]:
        """Links that are not ours any more, and tables from which a server that lives was struck.

        The kernel half drops a process a moment before /proc shows its end, so only what is gone twice is told.
        """
        now = {root: lacking for root in self._started if (lacking := self._lacking(root))}
        struck = {table for root, lacking in now.items() for table in lacking if table in self._lacked.get(root, ())}
        self._lacked = now
        return (*self._guard.gone(), *sorted(struck))

    def _lacking(self, root: int) -> tuple[str, ...]:
        key, start_ns = _PID.pack(root), self._started[root]
        if start_ns is None or not processes.runs(root, start_ns):
            return ()
        tables = {"watched": self._kernel.watched, "roots": self._kernel.roots, "losses": self._kernel.losses}
        return tuple(name for name, table in tables.items() if table.get(key) is None)

    def close(self) -> None:
        self._kernel.close()
