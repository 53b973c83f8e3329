"""Workers that were given the same static name: one of them at least ends, instead of both taking turns for ever."""

from __future__ import annotations

import pytest
from patience import eventually
from worker_bench import Bench

pytestmark = pytest.mark.broker


def test_of_two_workers_under_one_name_one_ends(bench: Bench) -> None:
    both = [bench.worker(instance="one") for _ in range(2)]
    eventually(lambda: any(one.poll() is not None for one in both))
    assert {one.returncode for one in both} <= {1, None}
