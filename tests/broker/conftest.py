"""What several tests on a real Apache Kafka use: workers on it, and one that lets nobody in without TLS, a password and
permissions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secured_kafka import PASSWORDS, Secured, secured
from worker_bench import Bench, benched

__all__ = ["PASSWORDS", "Secured", "bench", "secured"]


@pytest.fixture
def bench(kafka: str) -> Iterator[Bench]:
    """Topics and workers of one test."""
    with benched(kafka) as bench:
        yield bench
