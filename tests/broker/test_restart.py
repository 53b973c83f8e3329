"""A worker that restarts under its name takes its partitions up again, and nobody else notices."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from triptych.infra.ports import free_ports
from triptych.streams.config import Topics

pytestmark = pytest.mark.broker

MAIN = Path(__file__).with_name("worker_main.py")
NUMBERS = itertools.count()
SESSION_S = 60.0
PATIENCE_S = 120.0


class Worker:
    """A process and what its pages tell."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as page:
            return page.read().decode()  # type: ignore[no-any-return]

    def is_ready(self) -> bool:
        try:
            return bool(json.loads(self.page("readyz"))["ok"])
        except OSError:
            return False

    def rebalances(self) -> float:
        lines = self.page("metrics").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("triptych_rebalances_total"))


def wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def topics(kafka: str) -> Topics:
    prefix = f"restart-{next(NUMBERS)}-{time.time_ns()}"
    named = Topics(**{name: f"{prefix}.{name}" for name in asdict(Topics())})
    admin = AdminClient({"bootstrap.servers": kafka})
    for made in admin.create_topics([NewTopic(name, 4, 1) for name in asdict(named).values()]).values():
        made.result(60)
    return named


@contextmanager
def worker(kafka: str, topics: Topics, instance: str | None) -> Iterator[Worker]:
    (port,) = free_ports(1)
    given = {"bootstrap": kafka, "group": topics.calls, "topics": asdict(topics), "session_timeout_s": SESSION_S}
    argv = [sys.executable, str(MAIN), json.dumps({**given, "instance": instance, "health_port": port})]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        one = Worker(process, port)
        wait(one.is_ready)
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.mark.parametrize(("named", "more"), [(True, False), (False, True)], ids=["under its name", "without a name"])
def test_only_a_restart_without_a_name_moves_the_partitions_of_others(
    kafka: str, topics: Topics, named: bool, more: bool
) -> None:
    one, other = ("one", "other") if named else (None, None)
    with ExitStack() as stack:
        stays = stack.enter_context(worker(kafka, topics, one))
        with worker(kafka, topics, other):
            wait(stays.is_ready)
            time.sleep(2)  # the rebalance for the second one is over
            before = stays.rebalances()
        stack.enter_context(worker(kafka, topics, other))
        assert (stays.rebalances() > before) is more
