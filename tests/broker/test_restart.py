"""A worker that restarts under its name takes its partitions up again, and nobody else notices."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually
from worker_bench import create

from triptych.infra.ports import free_ports
from triptych.streams.config import Topics

pytestmark = pytest.mark.broker

MAIN = Path(__file__).with_name("worker_main.py")
NUMBERS = itertools.count()
LONG_S, SHORT_S = 60.0, 10.0  # a session that outlives a restart, and one whose members hear of others soon
QUIET_S = 2.0


class Worker:
    """A process and what its pages tell."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=PATIENCE_S) as page:
            return page.read().decode()  # type: ignore[no-any-return]

    def is_ready(self) -> bool:
        try:
            return bool(json.loads(self.page("readyz"))["ok"])
        except OSError:
            return False

    def rebalances(self) -> float:
        lines = self.page("metrics").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("triptych_rebalances_total"))


@pytest.fixture
def topics(kafka: str) -> Topics:
    prefix = f"restart-{next(NUMBERS)}-{time.time_ns()}"
    named = Topics(**{name: f"{prefix}.{name}" for name in asdict(Topics())})
    create(kafka, dict.fromkeys(asdict(named).values(), 4))
    return named


@contextmanager
def worker(kafka: str, topics: Topics, instance: str | None) -> Iterator[Worker]:
    session_s = LONG_S if instance else SHORT_S
    (port,) = free_ports(1)
    given = {"bootstrap": kafka, "group": topics.calls, "topics": asdict(topics), "session_timeout_s": session_s}
    argv = [sys.executable, str(MAIN), json.dumps({**given, "instance": instance, "health_port": port})]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        one = Worker(process, port)
        eventually(one.is_ready, 2 * PATIENCE_S)
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)


def settled(one: Worker) -> float:
    """How often its partitions have moved, once they have not for a while."""
    before, since = -1.0, time.monotonic()

    def quiet() -> bool:
        nonlocal before, since
        if (now := one.rebalances()) != before or not one.is_ready():
            before, since = now, time.monotonic()
        return time.monotonic() > since + QUIET_S

    eventually(quiet)
    return before


@pytest.mark.parametrize(("named", "more"), [(True, False), (False, True)], ids=["under its name", "without a name"])
def test_only_a_restart_without_a_name_moves_the_partitions_of_others(
    kafka: str, topics: Topics, named: bool, more: bool
) -> None:
    one, other = ("one", "other") if named else (None, None)
    with ExitStack() as stack:
        stays = stack.enter_context(worker(kafka, topics, one))
        with worker(kafka, topics, other):
            before = settled(stays)
        stack.enter_context(worker(kafka, topics, other))
        assert (settled(stays) > before) is more
