"""Recordings played again, without any privilege: as the batches they gave, or in place of a kernel.

A recording in place of a kernel is no observation. It says so in `features`, and shows effects only for calls it holds.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from ...models.digest import Keyring
from ...models.events import CallRef, ExecutionBatch
from ...models.identity import Workload
from . import processes
from .batches import Batches, Origin
from .binding import Bindings, State
from .decode import FLOW_KEY, KernelEvent, decode
from .flows import FlowTotals
from .recording import RecordingError, frames

__all__ = ["RECORDED", "Recorded", "replay"]

RECORDED = "recorded"


def replay(
    path: Path, keyring: Keyring, *, shift_ns: int = 0, remap: Mapping[str, str] | None = None
) -> Iterator[ExecutionBatch]:
    """The batches the recorded input yields, by the same code as live.

    `shift_ns` is added to the wall clock of every batch, `remap` gives other ids to recorded call ids. Digests are
    under `keyring`. Raises RecordingError.
    """
    batches: Batches | None = None
    for kind, said in _read(path):
        if kind == b"M":
            batches = Batches(Origin(**said["origin"]), keyring)
        elif batches is None:
            raise RecordingError(f"{path.name} does not say who recorded it")
        elif isinstance(said, KernelEvent):
            batches.observe(said)
        else:
            if "call_id" in said and remap:
                said["call_id"] = remap.get(said["call_id"], said["call_id"])
            yield from _apply(batches, kind, said, shift_ns)


def _read(path: Path) -> Iterator[tuple[bytes, Any]]:
    """Frames with their bodies decoded: kernel events for R and F, dictionaries for all others."""
    totals = FlowTotals()
    for kind, body in frames(path):
        if kind == b"R":
            yield kind, decode(body)
        elif kind == b"F":
            events, _ = totals.added([(body[: FLOW_KEY.size], body[FLOW_KEY.size :])], lambda _: False)
            yield from ((kind, event) for event in events)
        else:
            yield kind, orjson.loads(body)


def _apply(batches: Batches, kind: bytes, said: dict[str, Any], shift_ns: int) -> Iterator[ExecutionBatch]:
    """What one message of the sensor's life does to `batches`."""
    root = said.get("root", 0)
    match kind:
        case b"A":
            workload = Workload(**said["workload"])
            is_new = workload not in batches.workloads
            batches.open(root, workload)
            if is_new:
                yield batches.start(workload, said["features"], said["mono_ns"], said["offset_ns"] + shift_ns)
        case b"B":
            batches.begin(root, CallRef(call_id=said["call_id"], correlation_id=said["correlation_id"]))
        case b"E":
            batches.end(root, said["call_id"])
        case b"D":
            batches.end_all(root)
        case b"L":
            batches.lost(root, said["count"], said["since_ns"])
        case b"T":
            yield from batches.flush(said["mono_ns"], said["offset_ns"] + shift_ns)
        case b"C":
            if ended := batches.close(root):
                yield batches.stop(ended, said["reason"], said["mono_ns"], said["offset_ns"] + shift_ns)


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

    missing: Mapping[str, str]

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._now = now
        self._sessions, features = _sessions(path)
        self.features = (RECORDED, *features)
        self.missing = {}
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

    def events(self, current: Callable[[int], int], now_ns: int) -> Iterator[KernelEvent]:
        ready, self._ready = self._ready, []
        yield from ready

    def lost(self, root: int) -> int:
        count, self._lost[root] = self._lost.get(root, 0), 0
        return count

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
    for kind, said in _read(path):
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
