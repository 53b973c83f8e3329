"""Nothing is lost in silence: what was delivered and what was counted lost add up to what happened."""

from __future__ import annotations

import os
import struct

import pytest

from triptych.producers.sensor.binding import State
from triptych.producers.sensor.loader import load
from triptych.producers.sensor.watch import Watch

from .conftest import Gateway, Server, Start

pytestmark = pytest.mark.kernel

OPENS = 5003


def test_a_stalled_reader_loses_what_the_ring_cannot_hold_and_counts_it_exactly(server: Server) -> None:
    with load(1 << 16) as kernel:
        watch = Watch(kernel)
        watch.add(server.process.pid, "test", State(1, 0))
        server.do(f"for _ in range({OPENS}): os.close(os.open('/dev/null', 0))")
        delivered = sum(count for event, count in watch.events(lambda _: 1, 0) if event.path == b"/dev/null")
        assert 0 < delivered < OPENS
        assert delivered + watch.lost(server.process.pid) == OPENS
        assert watch.lost(server.process.pid) == 0


def test_the_loss_stands_in_the_batch_with_its_span(start: Start, server: Server) -> None:
    running = start(ring_bytes=1 << 16, flush_ms=1000, heartbeat_s=1.0)
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    call = gateway.begin()
    server.do(f"for _ in range({OPENS}): os.close(os.open('/dev/null', 0))")
    gateway.end(call)
    running.told.settled()
    gateway.close()
    lossy = [batch for batch in running.told.batches if batch.lost_before]
    delivered = running.told.count("open", lambda event: event.path == "/dev/null")
    assert delivered + sum(batch.lost_before for batch in lossy) == OPENS
    assert all(0 < batch.lost_from_ns < batch.mono_ns for batch in lossy)
    assert lossy


def test_what_the_broker_does_not_take_is_told_as_lost(start: Start, server: Server) -> None:
    running = start(flush_ms=200)
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    running.told.refusing = 1
    for _ in range(2):
        call = gateway.begin()
        server.do("for _ in range(23): os.close(os.open('/dev/null', 0))")
        gateway.end(call)
        running.told.settled()
    gateway.close()
    assert sum(batch.lost_before for batch in running.told.batches) == running.sensor.counters["lost"] >= 23
    assert running.sensor.counters["undelivered-batches"] == 1
    assert running.told.count("open", lambda event: event.path == "/dev/null") == 23


def test_a_full_table_of_processes_refuses_the_lease_instead_of_watching_half() -> None:
    with load(1 << 16) as kernel:
        watch = Watch(kernel)
        for root in range(1 << 22, (1 << 22) + 1024):  # no process has such an id
            kernel.losses.put(struct.pack("<I", root), bytes(24))
        with pytest.raises(OSError, match="Argument list too long"):
            watch.add(os.getpid(), "test", State(1, 0))
