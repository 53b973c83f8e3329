"""A backlog of which one topic can be read long before the other: what is ahead waits, and every call is whole.

The control reads on, as long as there is something to read: its room is full before the messages come.
"""

from __future__ import annotations

import time
import urllib.request

import pytest
from patience import PATIENCE_S
from worker_bench import MS, Bench, assert_all_there, told

from triptych.infra.ports import free_ports

pytestmark = pytest.mark.broker

NUMBER = 9_000  # calls in a quarter of an hour, more than a worker has room for here
LATE_S = 6.0
ROOM = {"most_kept": 6_000, "late_horizon_s": 5.0}


def crowded(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as page:
        lines = page.read().decode().splitlines()
    (line,) = [line for line in lines if line.startswith("triptych_stage_total{") and 'what="crowded"' in line]
    return float(line.rpartition(" ")[2])


def caught_up(bench: Bench, *, reads_on: bool) -> float:
    """How many were crowded out of a worker that has read everything."""
    (port,) = free_ports(1)
    bench.produce(told(bench.topics, NUMBER, start=time.time_ns() - 900_000 * MS, spread=100 * MS))
    bench.worker(late_s=LATE_S, reads_on=reads_on, health_port=port, **ROOM)
    assert bench.commits(bench.topics.protocol, 2 * NUMBER, patience_s=2 * PATIENCE_S) == 2 * NUMBER
    return crowded(port)


def test_kernel_events_that_can_be_read_first_wait_for_their_messages_and_every_call_is_whole(bench: Bench) -> None:
    assert caught_up(bench, reads_on=False) == 0
    assert_all_there(bench.calls(NUMBER), NUMBER)


def test_a_worker_that_reads_on_crowds_out_what_it_needs(bench: Bench) -> None:
    assert caught_up(bench, reads_on=True) > 0
