"""The running sensor: one thread that waits for the ring, for gateways and for the clock.

It only moves things: the kernel's bytes and the gateways' words into the pure Batches, and what comes out to `publish`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from ...models import topics
from ...models.digest import Keyring
from ...models.errors import WireError
from ...models.events import CallRef, ExecutionBatch
from ...models.identity import workload
from ...models.wire import Codec, bundled
from ..lease import Granted, Refused
from . import processes
from .batches import Batches, Origin, Sensitive
from .config import SensorConfig
from .lease import LeaseServer
from .loader import load
from .recording import Recorder
from .source import Source
from .watch import Watch

__all__ = ["TOPIC", "Clock", "Publish", "Sensor"]

TOPIC = topics.EXECUTION

# Topic, key, value, and whom to tell None or why it was not delivered. False, at once, when it cannot be taken.
Publish = Callable[[str, str, bytes, Callable[[str | None], None]], bool]

_PROMPT_NS = 2_000_000  # how soon after the end of a call its effects are told


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic and wall time in nanoseconds. The first must be the clock of bpf_ktime_get_ns."""

    mono: Callable[[], int] = time.monotonic_ns
    wall: Callable[[], int] = time.time_ns


class Sensor:
    """Loads the kernel half, and from run() to stop() serves leases and publishes batches.

    The constructor raises SensorUnavailable or ConfigError. After it, gateways can connect; they are answered by run().
    """

    def __init__(
        self,
        config: SensorConfig,
        keyring: Keyring,
        publish: Publish,
        *,
        clock: Clock | None = None,
        codec: Codec | None = None,
        source: Source | None = None,
        sensitive: Sensitive | None = None,
    ) -> None:
        self._config = config
        self._publish = publish
        self._clock = clock or Clock()
        self._codec = codec or bundled()
        self._boot_id = processes.boot_id()
        instance = f"sensor:{uuid.uuid4()}"
        self._origin = Origin(instance=instance, boot_id=self._boot_id, host=config.host, cluster=config.cluster)
        self._batches = Batches(self._origin, keyring, sensitive)
        self._leased: set[int] = set()
        self._settled_ns = 0  # everything stamped before was read
        self._due_ns = 0  # when to read next; 0 while nothing waits
        self._beat_ns = 0
        self._counts: Counter[str] = Counter()
        with contextlib.ExitStack() as held:
            self._recorder = Recorder(config.recording) if config.recording else None
            if self._recorder:
                held.callback(self._recorder.close)
            self._source = source or Watch(load(config.ring_bytes), self._recorder)
            held.callback(self._source.close)
            self._leases = LeaseServer(config.lease_socket, self, mode=config.lease_mode, users=config.lease_users)
            held.callback(self._leases.close)
            self._poll = held.enter_context(select.epoll())
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            held.callback(os.close, self._wake)
            self._held = held.pop_all()

    @property
    def counters(self) -> Counter[str]:
        """Batches and events published, and every kind of trouble; refusals of the lease socket by their reason."""
        refused = self._leases.refused
        return self._counts + refused + Counter({"refused": refused.total(), "calls-beyond": self._batches.beyond})

    @property
    def features(self) -> tuple[str, ...]:
        return self._source.features

    @property
    def missing(self) -> Mapping[str, str]:
        """Features this kernel cannot serve, with what it lacks."""
        return self._source.missing

    def stop(self) -> None:
        """End run() soon. Safe from any thread and from a signal handler."""
        with contextlib.suppress(OSError):  # it has already ended
            os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Serve until stop(), SIGTERM or SIGINT; then tell the rest, say why it ends, and detach."""
        with self._held, _signals(self.stop):
            self._beat_ns = self._settled_ns = self._clock.mono()
            self._record(b"M", origin=asdict(self._origin))
            try:
                self._serve()
            finally:
                self._flush()
                for root in self._batches.roots:
                    self._close(root, "sensor-stopped", self._settled_ns, self._times()[1])

    def root_of(self, pid: int) -> int | None:
        """The watched server that `pid` is or belongs to: by the source's book, else by its ancestors."""
        known = self._source.root_of(pid)
        roots = self._batches.roots
        return known or next((above for above in processes.lineage(pid) if above in roots), None)

    def attach(self, root: int, server: str) -> Granted | Refused:
        start_ns = processes.start_ns(root)
        if start_ns is None:
            return Refused("the server is gone")
        found = workload(processes.cgroup(root), self._boot_id, root, start_ns)
        is_new = found not in self._batches.workloads
        mono, offset = self._times()
        state = self._batches.open(root, found)
        self._record(
            b"A",
            root=root,
            server=server,
            workload=asdict(found),
            features=self.features,
            mono_ns=mono,
            offset_ns=offset,
        )
        if is_new:
            self._tell([self._batches.start(found, self.features, mono, offset)])
        try:
            self._source.add(root, server, state)
        except OSError as error:
            self._close(root, "not-watched", mono, offset)
            return Refused(f"the sensor cannot watch another process: {error.strerror}")
        self._leased.add(root)
        return Granted(found.id, root, start_ns)

    def begin(self, root: int, call: CallRef) -> None:
        self._source.stamp(root, self._batches.begin(root, call))
        self._record(b"B", root=root, mono_ns=self._clock.mono(), **asdict(call))

    def end(self, root: int, call_id: str) -> None:
        state = self._batches.end(root, call_id)
        if state is None:
            self._counts["unknown-end"] += 1
            return
        self._source.stamp(root, state)
        self._record(b"E", root=root, call_id=call_id, mono_ns=self._clock.mono())
        self._wait_at_most(_PROMPT_NS)

    def detach(self, root: int) -> None:
        """The gateway is gone; its server is watched for as long as a process of it lives."""
        self._leased.discard(root)
        self._source.stamp(root, self._batches.end_all(root))
        self._record(b"D", root=root, mono_ns=self._clock.mono())
        self._wait_at_most(_PROMPT_NS)

    def _serve(self) -> None:
        news = self._source.descriptor
        for descriptor in (news, self._leases.descriptor, self._wake):
            self._poll.register(descriptor, select.EPOLLIN)
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(self._patience_s())]
            if self._wake in ready:
                return
            for descriptor in ready:
                if descriptor == news:
                    self._poll.modify(news, 0)  # read in bulk when the flush is due, not once for every event
                    self._wait_at_most(self._config.flush_ms * 1_000_000)
                elif descriptor == self._leases.descriptor:
                    self._accept()
                else:
                    self._leases.serve(descriptor)
            self._on_time(news)

    def _accept(self) -> None:
        connection = self._leases.accept()
        if connection is not None:
            self._poll.register(connection, select.EPOLLIN)

    def _on_time(self, news: int) -> None:
        now = self._clock.mono()
        if self._due_ns and now >= self._due_ns:
            self._due_ns = 0
            self._flush()
            self._poll.modify(news, select.EPOLLIN)
        if now >= self._beat_ns:
            self._beat_ns = now + int(self._config.heartbeat_s * 1e9)
            self._beat()

    def _wait_at_most(self, span_ns: int) -> None:
        due = self._clock.mono() + span_ns
        self._due_ns = min(self._due_ns or due, due)

    def _patience_s(self) -> float:
        until = min(self._due_ns, self._beat_ns) if self._due_ns else self._beat_ns
        return max(0.0, (until - self._clock.mono()) / 1e9)

    def _times(self) -> tuple[int, int]:
        """A monotonic time before which everything has been, or is about to be, read; wall minus monotonic clock."""
        now = self._clock.mono()
        return self._source.settled(now), self._clock.wall() - now

    def _flush(self) -> None:
        """Read everything there is, and tell it."""
        mono, offset = self._times()
        for event in self._source.events(self._batches.epoch, self._clock.mono()):
            self._batches.observe(event)
        for root in self._batches.roots:
            if count := self._source.lost(root):
                self._counts["lost"] += count
                self._batches.lost(root, count, self._settled_ns)
                self._record(b"L", root=root, count=count, since_ns=self._settled_ns)
        self._settled_ns = mono
        self._record(b"T", mono_ns=mono, offset_ns=offset)
        self._tell(self._batches.flush(mono, offset))

    def _beat(self) -> None:
        """Say that silent workloads are watched; let go of servers that are gone and of which nobody has the lease."""
        self._flush()
        mono, offset = self._settled_ns, self._times()[1]
        living = self._source.living() | self._leased
        for root in self._batches.roots:
            if root not in living:
                self._close(root, "server-gone", mono, offset)
        self._tell(self._batches.signs_of_life(mono, offset, int(self._config.heartbeat_s * 0.9e9)))

    def _close(self, root: int, reason: str, mono: int, offset: int) -> None:
        """Let go of `root`, all of whose events before `mono` have been told."""
        ended = self._batches.close(root)
        self._source.remove(root)
        self._record(b"C", root=root, reason=reason, mono_ns=mono, offset_ns=offset)
        if ended:
            self._tell([self._batches.stop(ended, reason, mono, offset)])

    def _tell(self, batches: Iterable[ExecutionBatch]) -> None:
        for batch in batches:
            try:
                value = self._codec.encode(batch)
            except WireError:
                self._counts["unencodable"] += 1
                continue
            report = partial(self._report, batch.workload, *_content(batch))
            if self._publish(TOPIC, batch.workload, value, report):
                self._counts.update(batches=1, events=sum(event.count for event in batch.events))
            else:
                report("not taken")

    def _report(self, workload: str, count: int, since_ns: int, trouble: str | None) -> None:
        """Called by this thread, inside a later publish: what got lost on the way is told with the next batch."""
        if trouble is not None:
            self._counts["undelivered-batches"] += 1
            self._counts["lost"] += count
            self._batches.undelivered(workload, count, since_ns)

    def _record(self, kind: bytes, **fields: object) -> None:
        if self._recorder:
            self._recorder.write(kind, **fields)


def _content(batch: ExecutionBatch) -> tuple[int, int]:
    """Facts that stand in `batch` or were lost before it, and the monotonic time of the oldest."""
    times = [event.mono_ns for event in batch.events] + ([batch.lost_from_ns] if batch.lost_before else [])
    return sum(event.count for event in batch.events) + batch.lost_before, min(times, default=batch.mono_ns)


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop` meanwhile; only a main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
