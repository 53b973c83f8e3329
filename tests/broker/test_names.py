"""Workers that were given the same static name: one of them at least ends, instead of both taking turns for ever."""

from __future__ import annotations

import time

import pytest
from worker_bench import Bench

pytestmark = pytest.mark.broker

PATIENCE_S = 60.0


def test_of_two_workers_under_one_name_one_ends(bench: Bench) -> None:
    both = [bench.worker(instance="one") for _ in range(2)]
    deadline = time.monotonic() + PATIENCE_S
    while not (ended := [one for one in both if one.poll() is not None]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [one.returncode for one in ended] == [1] * len(ended) != []
