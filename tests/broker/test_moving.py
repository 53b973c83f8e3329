"""Partitions that move while what was fetched is on its way from the client: it is read again, by whoever holds it.

Here the first fetch behind a move gets lost, as it may. A worker that believes its client, as stock Faust does, loses
the calls.
"""

from __future__ import annotations

import functools
import time
import urllib.request

import pytest
from patience import PATIENCE_S, eventually
from worker_bench import CODEC, MS, Bench, assert_all_there, told

from triptych.infra.ports import free_ports
from triptych.infra.reading import Reader
from triptych.models.events import Call

pytestmark = pytest.mark.broker

BEFORE, BEHIND = 200, 400
LOST_S = 15.0  # what does not come for so long never does


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S):
            return True
    except OSError:
        return False


def moved(bench: Bench, fault: str = "") -> list[Call]:
    """The calls after a second worker came, when those before were committed and those behind were not there yet."""
    (port,) = free_ports(1)
    protocol = bench.topics.protocol
    bench.produce(told(bench.topics, BEFORE, start=time.time_ns() - 2_000 * MS))
    # on a busy machine a session that expires would move them once more, and what got lost would be read again
    worker = functools.partial(bench.worker, loses=True, fault=fault, session_timeout_s=20.0)
    worker()
    bench.calls(BEFORE)
    assert bench.commits(protocol, 2 * BEFORE) == 2 * BEFORE
    worker(health_port=port)
    eventually(lambda: ready(port))
    bench.produce(told(bench.topics, BEHIND, start=time.time_ns() - 2_000 * MS, first=BEFORE))
    every = 2 * (BEFORE + BEHIND)
    assert bench.commits(protocol, every, LOST_S if fault else 90.0) == every or fault
    with Reader({"bootstrap.servers": bench.address}, (bench.topics.calls,)) as reader:
        return [CODEC.decode(record.value, Call) for record in reader.read()]


def test_two_workers_read_again_what_got_lost_when_partitions_moved(bench: Bench) -> None:
    assert_all_there(moved(bench), BEFORE + BEHIND)


def test_a_worker_that_believes_its_client_loses_calls(bench: Bench) -> None:
    calls = moved(bench, "gaps-believed")
    whole = {call.call_id for call in calls if call.state == "complete" and call.coverage.protocol}
    assert BEFORE <= len(whole) < BEFORE + BEHIND
