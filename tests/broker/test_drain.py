"""A worker that is asked to end finishes what is under way, commits what is done, and leaves the rest to the next."""

from __future__ import annotations

import signal
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S, eventually
from worker_bench import CODEC, MS, Bench, assert_all_there, benched, told

from triptych.infra import brokers
from triptych.infra.chaos.store import Redis
from triptych.infra.ports import free_ports
from triptych.infra.settings import Kafka

pytestmark = pytest.mark.broker

NEVER_S = 10_000.0
Records = list[tuple[str, str, bytes]]


def asked_to_end(worker: Any) -> int:
    worker.send_signal(signal.SIGTERM)
    return int(worker.wait(PATIENCE_S))


def opened(port: int) -> float:
    """Calls that a worker holds open, as its page tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as page:
        lines = page.read().decode().splitlines()
    held = [line for line in lines if line.startswith("triptych_stage_level{") and 'what="open"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in held)


def without_replies(records: Records) -> tuple[Records, Records]:
    """What comes before the replies, and the replies."""
    kinds = [getattr(CODEC.decode(value), "kind", "") for *_, value in records]
    pairs = list(zip(kinds, records, strict=True))
    return [one for kind, one in pairs if kind != "response"], [one for kind, one in pairs if kind == "response"]


def test_what_is_done_is_committed_at_the_end_and_only_what_is_open_is_read_again(bench: Bench) -> None:
    """No commit comes from time: what stands committed stands so because of the way the worker ended."""
    (port,) = free_ports(1)
    worker = bench.worker(commit_s=NEVER_S, health_port=port)
    bench.produce(told(bench.topics, 100, start=time.time_ns() - 2_000 * MS))
    bench.calls(100)
    begun, replies = without_replies(told(bench.topics, 20, start=time.time_ns(), first=100))
    bench.produce(begun)
    eventually(lambda: opened(port) == 20)
    assert bench.committed(bench.topics.protocol) == 0
    assert asked_to_end(worker) == 0
    assert bench.committed(bench.topics.protocol) == 200
    assert bench.committed(bench.topics.execution) >= 100  # effects read long before their request are told as a part
    bench.worker()
    bench.produce(replies)
    calls = bench.calls(120)
    assert_all_there(calls, 120)
    whole = Counter(call.call_id for call in calls if call.state == "complete" and call.coverage.protocol)
    assert set(whole.values()) == {1}


def test_in_the_midst_of_a_backlog_it_ends_with_what_it_has_done_committed_and_nothing_is_missing(bench: Bench) -> None:
    number = 10_000
    records = told(bench.topics, number, start=time.time_ns() - 20_000 * MS, spread=5 * MS)
    bench.produce(records)
    worker = bench.worker(commit_s=NEVER_S)
    bench.calls(2_000)  # more than the first chunks hold
    assert asked_to_end(worker) == 0
    assert 0 < bench.committed(bench.topics.protocol) < 2 * number
    bench.worker()
    assert_all_there(bench.calls(number), number)


def test_while_the_store_is_away_it_ends_all_the_same_and_commits_nothing_that_waits(
    bench: Bench, tmp_path: Path
) -> None:
    store = Redis(tmp_path, durable=True)
    store.start()
    try:
        worker = bench.worker(stages=("calls", "turns"), redis_url=store.url, turn_gap_s=1.0)
        bench.produce(told(bench.topics, 10, start=time.time_ns() - 2_000 * MS))
        assert bench.commits(bench.topics.calls, 10) == 10
    finally:
        store.kill()
    bench.produce(told(bench.topics, 10, start=time.time_ns() - 1_000 * MS, first=10))
    bench.calls(20)
    assert asked_to_end(worker) == 0
    assert bench.committed(bench.topics.calls) == 10


def test_without_a_broker_it_ends_by_force_and_says_so() -> None:
    """The clients would wait for one for ever."""
    with ExitStack() as stack:
        with brokers.start(Kafka(provider="embedded")) as broker:
            bench = stack.enter_context(benched(broker.bootstrap))
            worker = bench.worker(end_s=2.0)
            bench.produce(told(bench.topics, 5, start=time.time_ns() - 2_000 * MS))
            bench.calls(5)
        assert asked_to_end(worker) == 1
