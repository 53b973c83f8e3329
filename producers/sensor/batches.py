"""Kernel events and lease messages in, execution batches out. Pure: times are arguments.

Refuses to publish a server's start-up file by file: before its first call, what is tied to no call is counted, except
for executions, connections and opens of sensitive paths.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ...models.digest import Keyring
from ...models.events import BatchStatus, CallRef, ExecutionBatch, ExecutionEvent
from ...models.identity import Workload
from ...models.sensitivity import Sensitivity
from .binding import Bindings, Bound, State
from .decode import KernelEvent
from .facts import fact

__all__ = ["MOST_EVENTS", "Batches", "Origin", "Sensitive"]

MOST_EVENTS = 256

Sensitive = Callable[[str], str | None]  # the class of a path, None for a path that gives nothing away

_START_UP = frozenset({"open", "fork", "exit"})
_NAMESPACE = uuid.UUID("6f0c3f5e-7a7e-5d2c-9a51-4f1d6a2f0b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which sensor speaks. `instance` is unique to one run of it."""

    instance: str
    boot_id: str
    host: str
    cluster: str = ""


@dataclass(slots=True)
class _Pending:
    """Equal events of one flush."""

    event: KernelEvent
    bound: Bound
    count: int = 1

    def add(self, event: KernelEvent) -> None:
        self.count += 1
        if event.kind == "flow":
            out, received = self.event.bytes_out + event.bytes_out, self.event.bytes_in + event.bytes_in
            self.event = replace(event, bytes_out=out, bytes_in=received)


@dataclass(slots=True)
class _Stream:
    """What is told of one workload."""

    workload: Workload
    producer: str
    roots: set[int] = field(default_factory=set)
    sequence: int = 0
    watermark: int = 0  # every event before it was sent
    pending: dict[tuple[object, ...], _Pending] = field(default_factory=dict)
    summarised: int = 0
    lost: int = 0
    lost_from_ns: int = 0

    def lose(self, count: int, since_ns: int) -> None:
        self.lost += count
        self.lost_from_ns = min(self.lost_from_ns or since_ns, since_ns)


class Batches:
    """The pure heart of the sensor: one stream of batches for each workload, each event tied to its calls."""

    def __init__(self, origin: Origin, keyring: Keyring, sensitive: Sensitive | None = None) -> None:
        """`sensitive` is Sensitivity.path of the built-in classes unless given."""
        self._sensitive = sensitive or Sensitivity.load().path
        self._origin = origin
        self._keyring = keyring
        self._bindings = Bindings()
        self._streams: dict[str, _Stream] = {}
        self._of_root: dict[int, _Stream] = {}
        self._called: set[int] = set()  # roots that have had a call
        self._opened = 0
        self.unbound = 0  # events of a root that nobody leases any more

    @property
    def roots(self) -> tuple[int, ...]:
        return tuple(self._of_root)

    @property
    def beyond(self) -> int:
        """Calls that were begun while too many were in flight to tell them apart."""
        return self._bindings.beyond

    def open(self, root: int, workload: Workload) -> State:
        """Begin to tell of `root`. Opening it again goes on where it was."""
        stream = self._streams.get(workload.id)
        if stream is None:
            self._opened += 1
            stream = _Stream(workload, f"{self._origin.instance}:{self._opened}")
            self._streams[workload.id] = stream
        stream.roots.add(root)
        self._of_root[root] = stream
        return self._bindings.open(root)

    def begin(self, root: int, call: CallRef) -> State:
        self._called.add(root)
        return self._bindings.begin(root, call)

    def end(self, root: int, call_id: str) -> State | None:
        return self._bindings.end(root, call_id)

    def end_all(self, root: int) -> State:
        return self._bindings.end_all(root)

    def epoch(self, root: int) -> int:
        """The current epoch; 0 for a root that is not open."""
        return self._bindings.open(root).epoch if root in self._of_root else 0

    def close(self, root: int) -> Workload | None:
        """Tell no more of `root`; the workload whose last root it was. Flush first, then stop() that workload."""
        stream = self._of_root.pop(root, None)
        self._bindings.close(root)
        self._called.discard(root)
        if stream is None:
            return None
        stream.roots.discard(root)
        return None if stream.roots else stream.workload

    def observe(self, event: KernelEvent) -> None:
        """Take one event; it is told at the next flush."""
        stream = self._of_root.get(event.root)
        if stream is None:
            self.unbound += 1
            return
        bound = self._bindings.resolve(event.root, event.epoch, event.born)
        if bound.binding == "none" and event.root not in self._called and self._is_start_up(event):
            stream.summarised += 1
            return
        key = _sameness(event, bound)
        same = stream.pending.get(key)
        if same is None:
            stream.pending[key] = _Pending(event, bound)
        else:
            same.add(event)

    def lost(self, root: int, count: int, since_ns: int) -> None:
        """`count` facts of `root` were dropped after the monotonic time `since_ns`."""
        stream = self._of_root.get(root)
        if stream is not None and count:
            stream.lose(count, since_ns)

    def undelivered(self, workload: str, count: int, since_ns: int) -> None:
        """`count` facts of a workload, the oldest of `since_ns`, were told and reached nobody."""
        stream = self._streams.get(workload)
        if stream is not None and count:
            stream.lose(count, since_ns)

    def flush(self, mono_ns: int, offset_ns: int) -> list[ExecutionBatch]:
        """Everything taken so far. All events before the monotonic time `mono_ns` must have been taken.

        `offset_ns` is wall clock minus monotonic clock.
        """
        told: list[ExecutionBatch] = []
        for stream in self._streams.values():
            if stream.pending or stream.lost:
                told += self._events(stream, mono_ns, offset_ns)
        return told

    def signs_of_life(self, mono_ns: int, offset_ns: int, interval_ns: int) -> list[ExecutionBatch]:
        """A heartbeat of each workload that told nothing for `interval_ns`. Flush first."""
        silent = [s for s in self._streams.values() if mono_ns - s.watermark >= interval_ns]
        return [self._batch(stream, "heartbeat", mono_ns, offset_ns) for stream in silent]

    def start(self, workload: Workload, features: Iterable[str], mono_ns: int, offset_ns: int) -> ExecutionBatch:
        return self._batch(self._streams[workload.id], "start", mono_ns, offset_ns, features=tuple(features))

    def stop(self, workload: Workload, reason: str, mono_ns: int, offset_ns: int) -> ExecutionBatch:
        """The last batch of a workload. Flush first."""
        stream = self._streams.pop(workload.id)
        for root in stream.roots:
            self._of_root.pop(root, None)
        return self._batch(stream, "stop", mono_ns, offset_ns, features=(reason,))

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return tuple(stream.workload for stream in self._streams.values())

    def _is_start_up(self, event: KernelEvent) -> bool:
        """Whether an event before the first call is one of the many that loading a program takes."""
        if event.kind == "open" and event.path is not None:
            return self._sensitive(event.path.decode("utf-8", "surrogateescape")) is None
        return event.kind in _START_UP

    def _events(self, stream: _Stream, mono_ns: int, offset_ns: int) -> Iterator[ExecutionBatch]:
        """Pending events in order of time. Only the last batch moves the watermark: those before it leave events behind
        that are as old as their own."""
        pending = sorted(stream.pending.values(), key=lambda same: same.event.mono_ns)
        stream.pending = {}
        while len(pending) > MOST_EVENTS:
            calls, events = self._facts(pending[:MOST_EVENTS])
            del pending[:MOST_EVENTS]
            yield self._batch(stream, "events", stream.watermark, offset_ns, calls=calls, events=events, last=False)
        calls, events = self._facts(pending)
        yield self._batch(stream, "events", mono_ns, offset_ns, calls=calls, events=events)

    def _facts(self, pending: list[_Pending]) -> tuple[tuple[CallRef, ...], tuple[ExecutionEvent, ...]]:
        """The table of calls of one batch, and its events referring to it."""
        table: dict[CallRef, int] = {}
        events = []
        for same in pending:
            indexes = tuple(table.setdefault(call, len(table)) for call in same.bound.calls)
            events.append(fact(same.event, same.bound, indexes, self._keyring, same.count))
        return tuple(table), tuple(events)

    def _batch(
        self,
        stream: _Stream,
        status: BatchStatus,
        mono_ns: int,
        offset_ns: int,
        *,
        features: tuple[str, ...] = (),
        calls: tuple[CallRef, ...] = (),
        events: tuple[ExecutionEvent, ...] = (),
        last: bool = True,
    ) -> ExecutionBatch:
        stream.sequence += 1
        stream.watermark = mono_ns
        lost, since, summarised = (stream.lost, stream.lost_from_ns, stream.summarised) if last else (0, 0, 0)
        if last:
            stream.lost = stream.lost_from_ns = stream.summarised = 0
        return ExecutionBatch(
            event_id=str(uuid.uuid5(_NAMESPACE, f"{stream.producer}/{stream.sequence}")),
            workload=stream.workload.id,
            wall_ns=mono_ns + offset_ns,
            mono_ns=mono_ns,
            boot_id=self._origin.boot_id,
            host=self._origin.host,
            cluster=self._origin.cluster,
            producer=stream.producer,
            sequence=stream.sequence,
            lost_before=lost,
            key_id=self._keyring.key_id,
            status=status,
            features=features,
            pod_uid=stream.workload.pod_uid,
            container_id=stream.workload.container_id,
            lost_from_ns=since,
            summarised=summarised,
            calls=calls,
            events=events,
        )


def _sameness(event: KernelEvent, bound: Bound) -> tuple[object, ...]:
    """What two events must share to be told as one with a count."""
    peer = event.peer
    return (
        event.kind,
        event.pid,
        event.start_ns,
        event.path,
        event.open_flags,
        event.result if event.result < 0 or event.kind in ("fork", "exit") else 0,
        event.arguments,
        (peer.address, peer.port, peer.protocol) if peer else None,
        bound,
    )
