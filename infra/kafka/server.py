"""A real Apache Kafka in KRaft mode on loopback: one node, in a folder of its own that goes with it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BrokerError
from ..ports import free_ports
from ..process import running, tail
from .jars import HERE, fetch, java

__all__ = ["Node", "await_ready", "kafka", "nodes"]

_FORMAT_JVM = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dkafka.loglevel=ERROR")
# Small and quick to start: a broker of a laptop's demo or of a test run, one core's worth of JIT.
_SERVER_JVM = ("-Xmx384m", "-Xms128m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_READY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One broker that is a controller too, formatted and ready to be started; `folder` holds its data and its log."""

    folder: Path
    client: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.client}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @contextlib.contextmanager
    def serve(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process, inside the block; it answers some time after it began."""
        argv = (*_command(), *_SERVER_JVM, "kafka.Kafka", str(_config(self.folder)))
        with running(argv, log=self.log, cwd=self.folder, patience_s=15) as process:
            yield process


@contextlib.contextmanager
def kafka(partitions: int, reachable: Callable[[str], bool]) -> Iterator[str]:
    """A broker inside the block; yields host:port once `reachable` says yes. Raises BrokerError K12, ProgramError."""
    with nodes(1, partitions) as (node,), node.serve() as process:
        await_ready(node, process, reachable)
        yield node.address


@contextlib.contextmanager
def nodes(count: int, partitions: int) -> Iterator[list[Node]]:
    """The nodes of one cluster, formatted, none of them started. Raises BrokerError K12, ProgramError."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")  # no id may look like a flag
    with tempfile.TemporaryDirectory(prefix="triptych-kafka-") as name:
        ports = free_ports(2 * count)
        clients, controllers = ports[:count], ports[count:]
        made = []
        for index, client in enumerate(clients):
            node = Node(folder=Path(name) / str(index + 1), client=client)
            node.folder.mkdir()
            lines = _properties(node, index + 1, controllers, partitions)
            _config(node.folder).write_text("".join(f"{key}={value}\n" for key, value in lines))
            _format(cluster, node.folder)
            made.append(node)
        yield made


def await_ready(node: Node, process: subprocess.Popen[bytes], reachable: Callable[[str], bool]) -> None:
    """Raises BrokerError K12 for a node that ended, or does not answer in time."""
    deadline = time.monotonic() + _READY_S
    while not reachable(node.address):
        if process.poll() is not None:
            raise BrokerError(
                f"Kafka ended with {process.returncode}:\n{tail(node.log)}", "free memory, or another Java", code="K12"
            )
        if time.monotonic() > deadline:
            raise BrokerError(
                f"Kafka was not ready after {_READY_S:.0f} s:\n{tail(node.log)}", "is the machine busy?", code="K12"
            )
        time.sleep(0.05)


def _command() -> tuple[str, ...]:
    return (java(), "-cp", f"{fetch()}/*", f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}")


def _config(folder: Path) -> Path:
    return folder / "server.properties"


def _properties(node: Node, number: int, controllers: Sequence[int], partitions: int) -> Iterator[tuple[str, object]]:
    voters = ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in enumerate(controllers, 1))
    yield from {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{controllers[number - 1]}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": node.folder / "data",
        "num.partitions": partitions,
        "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "log.segment.bytes": 64 << 20,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }.items()
    copies = min(3, len(controllers))
    for internal in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        yield f"{internal}.replication.factor", copies
    for internal in ("transaction.state.log", "share.coordinator.state.topic"):
        yield f"{internal}.min.isr", max(1, copies - 1)
        yield f"{internal}.num.partitions", 1


def _format(cluster: str, folder: Path) -> None:
    said = ("format", "-t", cluster, "-c", str(_config(folder)))
    argv = (*_command(), *_FORMAT_JVM, "kafka.tools.StorageTool", *said)
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_READY_S, cwd=folder)
    if done.returncode != 0:
        raise BrokerError(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-500:]}", code="K12")
