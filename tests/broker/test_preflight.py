"""What the worker's own look at the topics tells before Faust would wait for them in silence."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import pytest
from worker_bench import create

from triptych.infra.ports import free_ports
from triptych.models.errors import ConfigError
from triptych.streams.config import WorkerConfig
from triptych.streams.preflight import BrokerError, check

NUMBERS = itertools.count()
pytestmark = pytest.mark.broker


def made(kafka: str, partitions: Mapping[str, int]) -> list[str]:
    """Topics with that many partitions; their names."""
    prefix = f"preflight-{next(NUMBERS)}-{time.time_ns()}"
    named = {f"{prefix}.{name}": count for name, count in partitions.items()}
    create(kafka, named)
    return list(named)


async def test_topics_that_are_there_and_match_pass(kafka: str) -> None:
    one, other, written = made(kafka, {"one": 2, "other": 2, "written": 3})
    await check(WorkerConfig(bootstrap=kafka), [[one, other]], [written])


async def test_joined_topics_with_unequal_partitions_are_told_with_their_numbers(kafka: str) -> None:
    one, other = made(kafka, {"one": 2, "other": 3})
    with pytest.raises(ConfigError, match=f"{one} 2, {other} 3") as raised:
        await check(WorkerConfig(bootstrap=kafka), [[one, other]], [])
    assert (raised.value.code, "kafka.partitions=3 topics apply --grow" in raised.value.hint) == ("C01", True)


async def test_every_topic_that_is_missing_is_named_at_once(kafka: str) -> None:
    with pytest.raises(ConfigError, match=r"absent\.one, absent\.other") as raised:
        await check(WorkerConfig(bootstrap=kafka), [["absent.one"]], ["absent.other"])
    assert "triptych topics apply" in raised.value.hint


async def test_a_broker_that_is_away_is_told_within_its_patience() -> None:
    (nobody,) = free_ports(1)
    with pytest.raises(BrokerError, match=f"127.0.0.1:{nobody}") as raised:
        await check(WorkerConfig(bootstrap=f"127.0.0.1:{nobody}"), [["any"]], [])
    assert raised.value.code == "J02"
