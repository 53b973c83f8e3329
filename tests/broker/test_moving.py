"""Partitions that move while what was fetched is on its way from the client: it is read again, by whoever holds it.

Here the first fetch behind a move gets lost, as it may. A worker that believes its client, as stock Faust does, loses
the calls.
"""

from __future__ import annotations

import time
import urllib.request

import pytest
from worker_bench import CODEC, MS, Bench, assert_all_there, told

from triptych.infra.ports import free_ports
from triptych.infra.reading import Reader
from triptych.models.events import Call

pytestmark = pytest.mark.broker

BEFORE, BEHIND = 200, 400
PATIENCE_S = 60.0


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


def moved(bench: Bench, fault: str = "") -> list[Call]:
    """The calls after a second worker came, when those before were committed and those behind were not there yet."""
    (port,) = free_ports(1)
    protocol = bench.topics.protocol
    bench.produce(told(bench.topics, BEFORE, start=time.time_ns() - 2_000 * MS))
    bench.worker(loses=True, fault=fault)
    bench.calls(BEFORE)
    assert bench.commits(protocol, 2 * BEFORE) == 2 * BEFORE
    bench.worker(loses=True, fault=fault, health_port=port)
    deadline = time.monotonic() + PATIENCE_S
    while not ready(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    bench.produce(told(bench.topics, BEHIND, start=time.time_ns() - 2_000 * MS, first=BEFORE))
    every = 2 * (BEFORE + BEHIND)
    assert bench.commits(protocol, every) == every or fault
    with Reader({"bootstrap.servers": bench.address}, (bench.topics.calls,)) as reader:
        return [CODEC.decode(record.value, Call) for record in reader.read()]


def test_two_workers_read_again_what_got_lost_when_partitions_moved(bench: Bench) -> None:
    assert_all_there(moved(bench), BEFORE + BEHIND)


def test_a_worker_that_believes_its_client_loses_calls(bench: Bench) -> None:
    calls = moved(bench, "gaps-believed")
    whole = {call.call_id for call in calls if call.state == "complete" and call.coverage.protocol}
    assert BEFORE <= len(whole) < BEFORE + BEHIND
