"""`triptych worker` with one thing wrong at a time: it ends at once with a code, what is wrong and where to mend it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, ResourceType
from patience import PATIENCE_S, eventually
from structlog.testing import capture_logs

from triptych.infra import worker as parts
from triptych.infra.brokers import Broker
from triptych.infra.ports import free_ports
from triptych.infra.process import find, running
from triptych.models import topics
from triptych.models.errors import TriptychError
from triptych.streams.config import WorkerConfig

pytestmark = pytest.mark.broker

READS = (topics.PROTOCOL, topics.EXECUTION)
WRITES = (topics.CALLS, topics.DEADLETTER)
GROUP = "careful"
REQUIRED, WRONG = "canary-of-redis", "canary-of-kafka"


@dataclass(frozen=True)
class Ended:
    code: int
    said: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def lockable(secured: Any) -> Any:
    """The secured broker; `worker` may do all that stage 1 needs in GROUP."""
    for topic in READS:
        secured.allow("worker", ResourceType.TOPIC, topic, AclOperation.READ)
    for topic in WRITES:
        secured.allow("worker", ResourceType.TOPIC, topic, AclOperation.WRITE)
    secured.allow("worker", ResourceType.GROUP, GROUP, AclOperation.READ)
    return secured


@pytest.fixture
def run(lockable: Any) -> Run:
    """A worker of stage 1 on it; `given` changes settings by section__key."""

    def start(**given: str) -> Ended:
        client = lockable.client("worker")
        settings = {
            "kafka__bootstrap": lockable.address,
            "kafka__security_protocol": "sasl_ssl",
            "kafka__sasl_username": "worker",
            "kafka__sasl_password": client["sasl.password"],
            "kafka__ssl_ca_file": client["ssl.ca.location"],
            "worker__stages": "calls",
            "worker__group": GROUP,
        } | given
        surroundings = {**os.environ, **{f"TRIPTYCH_{name.upper()}": value for name, value in settings.items()}}
        argv = [sys.executable, "-m", "triptych.infra.cli.main", "worker"]
        done = subprocess.run(argv, check=False, env=surroundings, capture_output=True, text=True, timeout=PATIENCE_S)
        return Ended(done.returncode, done.stderr)

    return start


def test_a_wrong_password_names_the_setting_and_is_not_repeated(run: Run) -> None:
    ended = run(kafka__sasl_password=WRONG)
    assert (ended.code, "K01" in ended.said, "kafka.sasl_password" in ended.said) == (1, True, True)
    assert WRONG not in ended.said


def test_a_wrong_authority_names_the_setting(run: Run, lockable: Any) -> None:
    ended = run(kafka__ssl_ca_file=str(lockable.other_ca))
    assert (ended.code, "K01" in ended.said, "kafka.ssl_ca_file" in ended.said) == (1, True, True)


def test_a_broker_that_nobody_reaches_names_its_address(run: Run) -> None:
    (nobody,) = free_ports(1)
    ended = run(kafka__bootstrap=f"127.0.0.1:{nobody}", kafka__security_protocol="plaintext")
    assert (ended.code, "K01" in ended.said, f"127.0.0.1:{nobody}" in ended.said) == (1, True, True)
    assert "kafka.bootstrap" in ended.said


def test_a_port_where_something_else_listens_is_told_apart(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = run(kafka__bootstrap=address, kafka__security_protocol="plaintext")
    assert (ended.code, "K01" in ended.said, "no answer that is Kafka's" in ended.said) == (1, True, True)
    assert "kafka.bootstrap" in ended.said


def test_a_denied_group_is_named_with_the_grant(run: Run) -> None:
    ended = run(worker__group="somebody-elses")
    assert (ended.code, "K13" in ended.said, "use the group somebody-elses" in ended.said) == (1, True, True)
    assert "kafka-acls.sh" in ended.said


def test_topics_that_may_not_be_read_or_written_are_named_with_the_grant(run: Run, lockable: Any) -> None:
    ended = run(kafka__sasl_username="stranger", kafka__sasl_password=lockable.client("stranger")["sasl.password"])
    assert (ended.code, "K13" in ended.said, "kafka-acls.sh" in ended.said) == (1, True, True)
    assert all(f"read {topic}" in ended.said for topic in READS)
    assert all(f"write {topic}" in ended.said for topic in WRITES)


@pytest.fixture(scope="module")
def locked_store(require: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that wants a password; host:port."""
    folder = tmp_path_factory.mktemp("redis")
    try:
        program = find("redis-server", "redis-server")
    except TriptychError as error:
        require("broker", str(error))
    (port,) = free_ports(1)
    argv = (program, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", REQUIRED, "--dir", str(folder))
    with running((*argv, "--save", ""), log=folder / "log"):
        eventually(lambda: _lets_in(port))
        yield f"127.0.0.1:{port}"


def _lets_in(port: int) -> bool:
    try:
        return bool(redis.Redis(port=port, password=REQUIRED).ping())
    except redis.RedisError:
        return False


@pytest.mark.parametrize("login", ["", ":canary-of-nobody@"])
def test_a_wrong_password_of_redis_names_the_setting_and_is_not_repeated(
    run: Run, locked_store: str, login: str
) -> None:
    ended = run(worker__stages="turns", redis__url=f"redis://{login}{locked_store}")
    assert (ended.code, "R01" in ended.said, "redis.url" in ended.said) == (1, True, True)
    assert "canary" not in ended.said


def test_a_clock_that_differs_is_told_with_its_fix_and_stops_nobody(lockable: Any) -> None:
    inside = {"bootstrap.servers": lockable.inside}
    producer = Producer(inside)
    producer.produce(topics.PROTOCOL, b"x", timestamp=time.time_ns() // 10**6 + 600_000)
    assert producer.flush(PATIENCE_S) == 0
    config = WorkerConfig(bootstrap=lockable.inside, group=GROUP, stages=("calls",))
    with capture_logs() as told:
        parts.check(config, Broker("external", lockable.inside, {}), structlog.get_logger())
    (warning,) = [line for line in told if line["event"] == "clock differs"]
    assert (warning["topic"], warning["ahead_s"] > 590) == (topics.PROTOCOL, True)
    assert "chrony" in warning["fix"]


def test_an_authority_that_is_no_file_is_named(run: Run, tmp_path: Path) -> None:
    ended = run(kafka__ssl_ca_file=str(tmp_path / "nothing.pem"))
    assert (ended.code, "K01" in ended.said, "nothing.pem" in ended.said) == (1, True, True)
