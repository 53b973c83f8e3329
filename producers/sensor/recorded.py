"""A recording in place of a kernel: it says so in its features, and shows effects only for calls that it holds.

That is no observation: refuse to judge a server by it.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...models.events import CallRef
from . import processes
from .binding import Bindings, State
from .decode import KernelEvent
from .replay import read
from .source import KernelHalf

__all__ = ["RECORDED", "Recorded"]

RECORDED = "recorded"


@dataclass(slots=True)
class _Call:
    """A recorded call: when it began, what happened from then on, and for each event whether it was tied to a call."""

    began_ns: int
    effects: list[tuple[KernelEvent, bool]] = field(default_factory=list)


@dataclass(slots=True)
class _Session:
    """One recorded lease. What the server did before its first call stands in `start_up`."""

    root: int
    start_up: list[KernelEvent] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    by_id: dict[str, _Call] = field(default_factory=dict)
    lost: int = 0

    def begin(self, said: dict[str, Any]) -> None:
        call = _Call(said["mono_ns"])
        self.calls.append(call)
        self.by_id[said["call_id"]] = call

    def place(self, event: KernelEvent, calls: tuple[CallRef, ...]) -> None:
        """With the youngest call it may belong to; what belongs to none, with the call it followed."""
        if calls:
            max((self.by_id[call.call_id] for call in calls), key=lambda call: call.began_ns).effects.append(
                (event, True)
            )
            return
        before = [call for call in self.calls if call.began_ns <= event.mono_ns]
        if before:
            before[-1].effects.append((event, False))
        else:
            self.start_up.append(event)


@dataclass(slots=True)
class _Live:
    """A lease of now that follows a recorded session."""

    session: _Session
    start_ns: int
    in_flight: int = 0
    running: deque[tuple[_Call, int, int]] = field(default_factory=deque)  # call, its epoch, when it began
    following: Iterator[_Call] = field(default_factory=lambda: iter(()))


class Recorded:
    """A recording in place of the kernel: the n-th call of the n-th lease of a server has the effects it had then.

    Effects are told when their call ends (calls in flight together are taken to end in the order they began), their
    times moved to it. Calls the recording does not hold have none.
    """

    undecodable = 0

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._now = now
        self._sessions, features = _sessions(path)
        self.half = KernelHalf(features=(RECORDED, *features))
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._live: dict[int, _Live] = {}
        self._ready: list[KernelEvent] = []
        self._lost: dict[int, int] = {}

    def add(self, root: int, server: str, state: State) -> None:
        sessions = self._sessions[server]
        session = sessions.popleft() if sessions else _Session(root)
        live = _Live(session, processes.start_ns(root) or 0, state.in_flight, following=iter(session.calls))
        self._live[root] = live
        self._lost[root] = session.lost
        began = session.start_up[0].mono_ns if session.start_up else 0
        self._tell(root, ((event, 0) for event in session.start_up), began, self._now())

    def stamp(self, root: int, state: State) -> None:
        live = self._live[root]
        began, live.in_flight = state.in_flight > live.in_flight, state.in_flight
        if began:
            call = next(live.following, None)
            if call is not None:
                live.running.append((call, state.epoch, self._now()))
            return
        while len(live.running) > live.in_flight:
            call, epoch, at_ns = live.running.popleft()
            self._tell(root, ((event, epoch if tied else 0) for event, tied in call.effects), call.began_ns, at_ns)

    def remove(self, root: int) -> None:
        self._live.pop(root, None)
        self._lost.pop(root, None)

    def root_of(self, pid: int) -> int | None:
        return pid if pid in self._live else None

    def living(self) -> set[int]:
        return {root for root in self._live if processes.start_ns(root) is not None}

    def settled(self, now_ns: int) -> int:
        """Not past the begin of a call in flight: its effects are told only at its end."""
        begun = (at_ns for live in self._live.values() for _, _, at_ns in live.running)
        return min(itertools.chain((now_ns,), begun)) - 1

    def events(
        self, current: Callable[[int], int], now_ns: int, *, every_sum: bool = False
    ) -> Iterator[tuple[KernelEvent, int]]:
        ready, self._ready = self._ready, []
        yield from ((event, 1) for event in ready)

    def lost(self, root: int) -> int:
        count, self._lost[root] = self._lost.get(root, 0), 0
        return count

    def gone(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        os.close(self.descriptor)

    def _tell(self, root: int, effects: Iterator[tuple[KernelEvent, int]], then_ns: int, at_ns: int) -> None:
        """Effects as if they had happened from `at_ns` on instead of `then_ns`, in the epochs given with them."""
        live, now_ns = self._live[root], self._now()
        for event, epoch in effects:
            is_server = event.pid == live.session.root
            self._ready.append(
                replace(
                    event,
                    mono_ns=max(at_ns, min(now_ns, at_ns + event.mono_ns - then_ns)),
                    root=root,
                    pid=root if is_server else event.pid,
                    start_ns=live.start_ns if is_server else event.start_ns,
                    epoch=epoch,
                    born=epoch if event.born else 0,
                )
            )


def _sessions(path: Path) -> tuple[dict[str, deque[_Session]], tuple[str, ...]]:
    """Recorded leases of each server in their order, and the features of the sensor that recorded them."""
    sessions: dict[str, deque[_Session]] = defaultdict(deque)
    of_root: dict[int, _Session] = {}
    bindings = Bindings()
    features: tuple[str, ...] = ()
    for kind, said in read(path):
        if isinstance(said, KernelEvent):
            if said.root in of_root:
                of_root[said.root].place(said, bindings.resolve(said.root, said.epoch, said.born).calls)
            continue
        root = said.get("root", 0)
        match kind:
            case b"A":
                features = tuple(said["features"])
                of_root[root] = _Session(root)
                sessions[said["server"]].append(of_root[root])
                bindings.open(root)
            case b"B":
                of_root[root].begin(said)
                bindings.begin(root, CallRef(call_id=said["call_id"], correlation_id=said["correlation_id"]))
            case b"E":
                bindings.end(root, said["call_id"])
            case b"D":
                bindings.end_all(root)
            case b"L":
                of_root[root].lost += said["count"]
            case b"C":
                bindings.close(root)
    return sessions, features
