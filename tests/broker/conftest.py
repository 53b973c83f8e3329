"""What several tests on a real Apache Kafka use: workers on it, and one that lets nobody in without TLS, a password and
permissions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secured_kafka import PASSWORDS, Secured, secured
from worker_bench import Bench, benched

from triptych.models.model import Model
from triptych.models.testing_traffic import sessions
from triptych.models.training import train

__all__ = ["PASSWORDS", "Secured", "bench", "models", "secured"]


@pytest.fixture(scope="session")
def models() -> tuple[Model, Model, Model]:
    """Three models of the same traffic."""
    traffic = sessions(48)
    return train(traffic, seed=1), train(traffic, seed=2), train(traffic, seed=3)


@pytest.fixture
def bench(kafka: str) -> Iterator[Bench]:
    """Topics and workers of one test."""
    with benched(kafka) as bench:
        yield bench
