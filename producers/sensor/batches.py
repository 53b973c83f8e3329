"""Kernel events and lease messages in, execution batches out. Pure: times are arguments.

Refuses to publish a server's start-up file by file: before its first call, what is tied to no call is counted, except
for executions, connections and opens of sensitive paths.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from ...models.digest import Keyring
from ...models.events import CallRef, ExecutionBatch
from ...models.identity import Workload
from ...models.sensitivity import Sensitivity
from .binding import Bindings, Bound, State
from .budget import Budget
from .decode import KernelEvent
from .envelope import Envelopes, Origin
from .identity.identity import Identity
from .proof import Proof, Subject, needs_proof, subject
from .same import Same
from .source import KernelHalf
from .stream import Stream

__all__ = ["MOST_EVENTS", "Batches", "Origin", "Sensitive"]

MOST_EVENTS = 256

Sensitive = Callable[[str], str | None]  # the class of a path, None for a path that gives nothing away

_START_UP = frozenset({"open", "fork", "exit", "io", "change"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PROOF_NS = 100_000_000  # how long what is told of a file waits for a look at it


class Batches:
    """The pure heart of the sensor: one stream of batches for each workload, each event tied to its calls."""

    def __init__(
        self,
        origin: Origin,
        keyring: Keyring,
        sensitive: Sensitive | None = None,
        written: Sensitive | None = None,
        *,
        per_second: int = 5000,
        proving: bool = False,
    ) -> None:
        """`sensitive` and `written` are Sensitivity.path and .written of the built-in classes unless given.

        `per_second` is how many events of one kind of one workload are listed; more of them are counted.
        With `proving` somebody answers questions().
        """
        self._per_second = per_second
        self._sensitive = sensitive or Sensitivity.load().path
        self._written = written or Sensitivity.load().written
        self._origin = origin
        self._envelopes = Envelopes(origin, keyring)
        self._bindings = Bindings()
        self._streams: dict[str, Stream] = {}
        self._of_root: dict[int, Stream] = {}
        self._called: set[int] = set()  # roots that have had a call
        self._opened = 0
        self._proving = proving
        self._questions = 0
        self._asked: list[Subject] = []
        self._unproven: dict[int, Same] = {}
        self.unbound = 0  # events of a root that nobody leases any more

    @property
    def roots(self) -> tuple[int, ...]:
        return tuple(self._of_root)

    @property
    def beyond(self) -> int:
        """Calls that were begun while too many were in flight to tell them apart."""
        return self._bindings.beyond

    def knows(self, workload: Workload) -> bool:
        """Whether something of it is told already."""
        return workload.id in self._streams

    def open(self, root: int, workload: Workload) -> State:
        """Begin to tell of `root`. Opening it again goes on where it was."""
        stream = self._streams.get(workload.id)
        if stream is None:
            self._opened += 1
            producer = f"{self._origin.instance}:{self._opened}"
            stream = Stream(workload, producer, Budget(self._per_second), self._is_sensitive)
            self._streams[workload.id] = stream
        stream.share(workload)
        stream.roots.add(root)
        self._of_root[root] = stream
        return self._bindings.open(root)

    def begin(self, root: int, call: CallRef, request: str = "") -> State:
        """`call` is in flight. `request` is its JSON-RPC id as JSON text, where known."""
        self._called.add(root)
        return self._bindings.begin(root, call, request)

    def late(self, root: int, call: CallRef, from_ns: int, until_ns: int) -> None:
        """What happened between these times may have been for `call`, whose begin came only then."""
        self._bindings.late(root, call, from_ns, until_ns)

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

    def name(self, workload: str, identity: Identity) -> None:
        """Say from now on what the runtime or the cluster calls a workload. Ends a hold."""
        if stream := self._streams.get(workload):
            stream.identity = identity
            stream.held_until_ns = 0

    def hold(self, workload: str, until_ns: int) -> None:
        """Tell nothing of a workload before the monotonic time `until_ns`, or before it has a name."""
        if stream := self._streams.get(workload):
            stream.held_until_ns = until_ns

    def observe(self, event: KernelEvent, count: int = 1) -> None:
        """Take one event, standing for `count` equal ones; it is told at the next flush."""
        stream = self._of_root.get(event.root)
        bound = self._bindings.bind(event)
        if stream is None:
            self.unbound += count
        elif bound.binding == "none" and event.root not in self._called and self._is_start_up(event):
            self._take_early(stream, event, bound, count)
        elif same := stream.take(event, bound, count):
            self._question(same)

    def questions(self) -> list[Subject]:
        """Files to look at: what is told of them waits for prove(), but not for long."""
        asked, self._asked = self._asked, []
        return asked

    def prove(self, number: int, proof: Proof) -> None:
        """The answer to a question; each question must get one."""
        if same := self._unproven.pop(number, None):
            same.prove(proof)

    @property
    def is_waiting(self) -> bool:
        """Whether answers are on the way."""
        return bool(self._unproven)

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
            if not stream.is_held(mono_ns):
                told += self._events(stream, mono_ns, offset_ns, self._is_current)
        return told

    def signs_of_life(self, mono_ns: int, offset_ns: int, interval_ns: int) -> list[ExecutionBatch]:
        """A heartbeat of each workload that told nothing for `interval_ns`. Flush first."""
        silent = [s for s in self._streams.values() if mono_ns - s.watermark >= interval_ns and not s.is_held(mono_ns)]
        return [self._envelopes.batch(stream, "heartbeat", mono_ns, offset_ns) for stream in silent]

    def start(self, workload: Workload, half: KernelHalf, mono_ns: int, offset_ns: int) -> ExecutionBatch:
        """The first batch of a workload: what of its doings can be seen."""
        return self._envelopes.batch(
            self._streams[workload.id], "start", mono_ns, offset_ns, features=half.features, half=half
        )

    def blinded(self, gone: tuple[str, ...], mono_ns: int, offset_ns: int) -> list[ExecutionBatch]:
        """Say of every workload that somebody took `gone` from the sensor, after all that was held back of it."""
        told: list[ExecutionBatch] = []
        for stream in self._streams.values():
            told += self._events(stream, mono_ns, offset_ns, self._is_current)
            told.append(self._envelopes.batch(stream, "blinded", mono_ns, offset_ns, features=gone))
        return told

    def stop(self, workload: Workload, reason: str, mono_ns: int, offset_ns: int) -> list[ExecutionBatch]:
        """The last batches of a workload."""
        stream = self._streams.pop(workload.id)
        for root in stream.roots:
            self._of_root.pop(root, None)
        stream.release()
        last = list(self._events(stream, mono_ns, offset_ns, lambda _: False))
        return [*last, self._envelopes.batch(stream, "stop", mono_ns, offset_ns, features=(reason,))]

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return tuple(stream.workload for stream in self._streams.values())

    def _take_early(self, stream: Stream, event: KernelEvent, bound: Bound, count: int) -> None:
        """Of what loading a program takes only a library from a place that its user may write will be told."""
        if not (self._proving and needs_proof(event)):
            stream.beside.summarised += count
        elif same := stream.take(event, bound, count):
            same.start_up = True
            self._question(same)

    def _question(self, same: Same) -> None:
        if self._proving and needs_proof(same.event):
            self._questions += 1
            self._asked.append(subject(self._questions, same.event))
            self._unproven[self._questions] = same
            same.waits_until_ns = same.event.mono_ns + _PROOF_NS

    def _is_current(self, event: KernelEvent) -> bool:
        return event.epoch == self.epoch(event.root)

    def _is_start_up(self, event: KernelEvent) -> bool:
        """Whether an event before the first call is one of the many that loading a program takes."""
        return event.kind in _START_UP and not self._is_sensitive(event)

    def _is_sensitive(self, event: KernelEvent) -> bool:
        """Whether a path of it gives something away, or is one that nobody should write and was opened for writing."""
        for raw in (event.path, event.other_path):
            path = "" if raw is None else raw.decode("utf-8", "surrogateescape")
            if path and (self._sensitive(path) is not None or (_writes(event) and self._written(path) is not None)):
                return True
        return False

    def _events(
        self, stream: Stream, mono_ns: int, offset_ns: int, is_current: Callable[[KernelEvent], bool]
    ) -> Iterator[ExecutionBatch]:
        """Pending events in order of time. Only the last batch moves the watermark: those before it leave events behind
        that are as old as their own."""
        pending = stream.drain(mono_ns, is_current)
        while len(pending) > MOST_EVENTS:
            yield self._envelopes.batch(
                stream, "events", stream.watermark, offset_ns, pending=pending[:MOST_EVENTS], last=False
            )
            del pending[:MOST_EVENTS]
        lost, limited = stream.beside.lost, stream.beside.limited
        if pending or lost or limited:
            yield self._envelopes.batch(stream, "loss" if lost else "events", mono_ns, offset_ns, pending=pending)


def _writes(event: KernelEvent) -> bool:
    """Whether the event changes the file of its path, or was to."""
    if event.kind == "open":
        return bool(event.open_flags & _WRITING)
    return event.kind == "change" or event.bytes_out > 0
