"""The running sensor: one thread that waits for the ring, for gateways and for the clock.

It only moves things: the kernel's bytes and the gateways' words into the pure Batches, and what comes out to `publish`.
"""

from __future__ import annotations

import contextlib
import os
import select
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from ...models.digest import Keyring
from ...models.events import CallRef
from ...models.identity import Workload, workload
from ...models.wire import Codec, bundled
from ..lease import Granted, Refused
from . import processes
from .batches import Batches, Origin, Sensitive
from .config import SensorConfig
from .examiner import Examiner
from .identity.names import Several
from .identity.naming import Naming
from .lease import LeaseServer
from .loader import load
from .outbox import TOPIC, Outbox, Publish
from .recording import Recorder
from .signals import stopping
from .source import Source
from .timetable import Clock, Timetable
from .watch import Watch

__all__ = ["TOPIC", "Clock", "Publish", "Sensor"]

_PROMPT_NS = 2_000_000  # how soon after the end of a call its effects are told
_PROOFS_NS = 4_000_000  # how soon to look for answers about files
_NAMES_NS = 50_000_000  # how often to ask for names that are waited for


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
        written: Sensitive | None = None,
        naming: Naming | None = None,
    ) -> None:
        self._config = config
        self._naming = naming or Naming(Several(()), wait_s=0)
        self._clock = clock or Clock()
        self._boot_id = processes.boot_id()
        instance = f"sensor:{uuid.uuid4()}"
        self._origin = Origin(instance=instance, boot_id=self._boot_id, host=config.host, cluster=config.cluster)
        self._examiner = Examiner() if source is None and config.proving else None
        self._batches = Batches(
            self._origin,
            keyring,
            sensitive,
            written,
            per_second=config.events_per_second,
            proving=self._examiner is not None,
        )
        self._counts: Counter[str] = Counter()
        self._outbox = Outbox(codec or bundled(), publish, self._batches.undelivered, self._counts)
        self._leased: set[int] = set()
        self._settled_ns = 0  # everything stamped before was read
        self._timetable = Timetable(self._clock, int(config.heartbeat_s * 1e9))
        with contextlib.ExitStack() as held:
            self._recorder = Recorder(config.recording) if config.recording else None
            if self._recorder:
                held.callback(self._recorder.close)
            held.callback(self._naming.close)
            if self._examiner:
                held.callback(self._examiner.close)
            self._source = source or Watch(load(config.ring_bytes, config.front_end), self._recorder)
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
        summed = Counter(
            {
                "refused": refused.total(),
                "calls-beyond": self._batches.beyond,
                "unbound": self._batches.unbound,
                "undecodable": self._source.undecodable,
                "unproven": self._examiner.refused if self._examiner else 0,
            }
        )
        return self._counts + refused + self._naming.troubles + summed

    @property
    def features(self) -> tuple[str, ...]:
        return self._source.half.features

    @property
    def missing(self) -> Mapping[str, str]:
        """Features this kernel cannot serve, with what it lacks."""
        return self._source.half.missing

    def stop(self) -> None:
        """End run() soon. Safe from any thread and from a signal handler."""
        with contextlib.suppress(OSError):  # it has already ended
            os.eventfd_write(self._wake, 1)

    def run(self) -> None:
        """Serve until stop(), SIGTERM or SIGINT; then tell the rest, say why it ends, and detach."""
        with self._held, stopping(self.stop):
            self._settled_ns = self._clock.mono()
            self._record(b"M", origin=asdict(self._origin), proving=self._examiner is not None)
            try:
                self._serve()
            finally:
                self._flush(every_sum=True)
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
        if processes.start_ns(root) != start_ns:  # the cgroup was that of whoever got the number since
            return Refused("the server is gone")
        is_new = not self._batches.knows(found)
        mono, offset = self._times()
        state = self._batches.open(root, found)
        self._record(
            b"A",
            root=root,
            server=server,
            workload=asdict(found),
            **asdict(self._source.half),
            mono_ns=mono,
            offset_ns=offset,
        )
        if is_new:
            self._hold(found)
            self._outbox.tell([self._batches.start(found, self._source.half, mono, offset)])
        try:
            self._source.add(root, server, state)
        except OSError as error:
            self._close(root, "not-watched", mono, offset)
            return Refused(f"the sensor cannot watch another process: {error.strerror}")
        self._leased.add(root)
        return Granted(found.id, root, start_ns)

    def begin(self, root: int, call: CallRef, request: str, forwards_ns: int) -> None:
        self._source.stamp(root, self._batches.begin(root, call, request))
        now = self._clock.mono()
        late = {"late_ns": forwards_ns} if 0 < forwards_ns < now else {}
        self._record(b"B", root=root, mono_ns=now, request=request, **asdict(call), **late)
        if late:
            self._counts["late-begins"] += 1
            self._batches.late(root, call, forwards_ns, now)

    def end(self, root: int, call_id: str) -> None:
        state = self._batches.end(root, call_id)
        if state is None:
            self._counts["unknown-end"] += 1
            return
        self._source.stamp(root, state)
        self._record(b"E", root=root, call_id=call_id, mono_ns=self._clock.mono())
        self._timetable.wait_at_most(_PROMPT_NS)

    def detach(self, root: int) -> None:
        """The gateway is gone; its server is watched for as long as a process of it lives."""
        self._leased.discard(root)
        self._source.stamp(root, self._batches.end_all(root))
        self._record(b"D", root=root, mono_ns=self._clock.mono())
        self._timetable.wait_at_most(_PROMPT_NS)

    def _serve(self) -> None:
        news = self._source.descriptor
        for descriptor in (news, self._leases.descriptor, self._wake):
            self._poll.register(descriptor, select.EPOLLIN)
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(self._timetable.patience_s())]
            if self._wake in ready:
                return
            for descriptor in ready:
                if descriptor == news:
                    self._poll.modify(news, 0)  # read in bulk when the flush is due, not once for every event
                    self._timetable.wait_at_most(self._config.flush_ms * 1_000_000)
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
        if self._timetable.is_due():
            self._flush()
            self._poll.modify(news, select.EPOLLIN)
        if self._timetable.beats():
            self._beat()

    def _times(self) -> tuple[int, int]:
        """A monotonic time before which everything has been, or is about to be, read; wall minus monotonic clock."""
        now = self._clock.mono()
        return self._source.settled(now), self._clock.wall() - now

    def _flush(self, *, every_sum: bool = False) -> None:
        """Read everything there is, and tell it."""
        mono, offset = self._times()
        for event, count in self._source.events(self._batches.epoch, self._clock.mono(), every_sum=every_sum):
            self._batches.observe(event, count)
        for root in self._batches.roots:
            if count := self._source.lost(root):
                self._counts["lost"] += count
                self._batches.lost(root, count, self._settled_ns)
                self._record(b"L", root=root, count=count, since_ns=self._settled_ns)
        self._settled_ns = mono
        self._name()
        self._prove()
        self._record(b"T", mono_ns=mono, offset_ns=offset)
        self._outbox.tell(self._batches.flush(mono, offset))

    def _hold(self, found: Workload) -> None:
        """Name a new workload, or keep its events back until somebody knows its name."""
        if until_ns := self._naming.open(found, self._clock.mono()):
            self._batches.hold(found.id, until_ns)
            self._record(b"H", workload=found.id, until_ns=until_ns)
        self._name()

    def _name(self) -> None:
        """Take the names that came in; come back soon while some are waited for."""
        now = self._clock.mono()
        for found, identity in self._naming.news(self._batches.workloads, now):
            self._batches.name(found.id, identity)
            self._record(b"N", workload=found.id, identity=asdict(identity))
        if self._naming.is_waiting(now):
            self._timetable.wait_at_most(_NAMES_NS)

    def _prove(self) -> None:
        """Take the answers that came in, put new questions; come back soon while some are on the way."""
        if self._examiner is None:
            return
        for number, proof in self._examiner.proofs():
            self._batches.prove(number, proof)
            self._record(b"P", number=number, **proof._asdict())
        for subject in self._batches.questions():
            self._examiner.ask(subject)
        if self._batches.is_waiting:
            self._timetable.wait_at_most(_PROOFS_NS)

    def _beat(self) -> None:
        """Say that silent workloads are watched; let go of servers that are gone and of which nobody has the lease."""
        self._flush(every_sum=True)
        mono, offset = self._settled_ns, self._times()[1]
        living = self._source.living() | self._leased
        for root in self._batches.roots:
            if root not in living:
                self._close(root, "server-gone", mono, offset)
        if gone := self._source.gone():
            self._counts["blinded"] += 1
            self._record(b"X", gone=gone, mono_ns=mono, offset_ns=offset)
            self._outbox.tell(self._batches.blinded(gone, mono, offset))
        else:
            self._outbox.tell(self._batches.signs_of_life(mono, offset, int(self._config.heartbeat_s * 0.9e9)))

    def _close(self, root: int, reason: str, mono: int, offset: int) -> None:
        """Let go of `root`, all of whose events before `mono` have been told."""
        ended = self._batches.close(root)
        self._source.remove(root)
        self._record(b"C", root=root, reason=reason, mono_ns=mono, offset_ns=offset)
        if ended:
            self._outbox.tell(self._batches.stop(ended, reason, mono, offset))

    def _record(self, kind: bytes, **fields: object) -> None:
        if self._recorder:
            self._recorder.write(kind, **fields)
