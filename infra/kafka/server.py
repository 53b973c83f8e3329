"""A real Apache Kafka in KRaft mode on loopback, in a folder of its own that goes with it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import BrokerError
from ..ports import free_ports
from ..process import running, tail
from .jars import HERE, fetch, java

__all__ = ["kafka"]

_FORMAT_JVM = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dkafka.loglevel=ERROR")
# Small and quick to start: a broker of a laptop's demo or of a test run, one core's worth of JIT.
_SERVER_JVM = ("-Xmx384m", "-Xms128m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_READY_S = 60.0


@contextlib.contextmanager
def kafka(partitions: int, reachable: Callable[[str], bool]) -> Iterator[str]:
    """A broker inside the block; yields host:port once `reachable` says yes. Raises BrokerError K12, ProgramError."""
    command = (java(), "-cp", f"{fetch()}/*", f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}")
    with tempfile.TemporaryDirectory(prefix="triptych-kafka-") as name:
        folder = Path(name)
        client, controller = free_ports(2)
        bootstrap = f"127.0.0.1:{client}"
        config = folder / "server.properties"
        config.write_text(
            "".join(f"{key}={value}\n" for key, value in _properties(folder, client, controller, partitions))
        )
        _format(command, config)
        log = folder / "server.log"
        argv = (*command, *_SERVER_JVM, "kafka.Kafka", str(config))
        with running(argv, log=log, cwd=folder, patience_s=15) as process:
            _wait(process, log, bootstrap, reachable)
            yield bootstrap


def _properties(folder: Path, client: int, controller: int, partitions: int) -> Iterator[tuple[str, object]]:
    yield from {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client}",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": folder / "data",
        "num.partitions": partitions,
        "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "log.segment.bytes": 64 << 20,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }.items()
    for internal in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        yield f"{internal}.replication.factor", 1
    for internal in ("transaction.state.log", "share.coordinator.state.topic"):
        yield f"{internal}.min.isr", 1
        yield f"{internal}.num.partitions", 1


def _format(command: tuple[str, ...], config: Path) -> None:
    cluster = (
        urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    )  # ids must not look like flags
    argv = (*command, *_FORMAT_JVM, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config))
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_READY_S, cwd=config.parent)
    if done.returncode != 0:
        raise BrokerError(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-500:]}", code="K12")


def _wait(process: subprocess.Popen[bytes], log: Path, bootstrap: str, reachable: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + _READY_S
    while not reachable(bootstrap):
        if process.poll() is not None:
            raise BrokerError(
                f"Kafka ended with {process.returncode}:\n{tail(log)}", "free memory, or another Java", code="K12"
            )
        if time.monotonic() > deadline:
            raise BrokerError(
                f"Kafka was not ready after {_READY_S:.0f} s:\n{tail(log)}", "is the machine busy?", code="K12"
            )
        time.sleep(0.05)
