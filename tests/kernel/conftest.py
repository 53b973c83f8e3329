"""A real sensor in a thread, and a gateway that leases a real server process. Needs root, BTF and BCC."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually

from triptych.models.digest import Keyring
from triptych.models.events import CallRef, ExecutionBatch, ExecutionEvent
from triptych.models.wire import bundled
from triptych.producers.lease import READY, Attach, Begin, End, Granted, Message, pack, parse
from triptych.producers.sensor.config import SensorConfig
from triptych.producers.sensor.identity.naming import Naming
from triptych.producers.sensor.probe import probe
from triptych.producers.sensor.service import TOPIC, Sensor

# Executes what it is told, line by line, and answers each line: the test knows when a call's work is done.
SERVER = """
import os, socket, subprocess, sys, threading
for line in sys.stdin:
    exec(compile(eval(line), "call", "exec"), globals())
    print("done", flush=True)
"""
KEYRING = Keyring(b"kernel tests' key", "test")


class Server:
    """A process that stands for an MCP server."""

    def __init__(self, interpreter: Sequence[str] = (sys.executable,)) -> None:
        self.process = subprocess.Popen(
            [*interpreter, "-S", "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.do("pass")

    def do(self, code: str) -> None:
        """Run Python in the server and wait for its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(repr(code) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Gateway:
    """The gateway's end of a lease."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))

    def attach(self, pid: int) -> Message:
        pidfd = os.pidfd_open(pid)
        try:
            socket.send_fds(self.socket, [pack(Attach("test"))], [pidfd])
        finally:
            os.close(pidfd)
        return parse(self.socket.recv(4096))

    def begin(self, request: str = "", forwards_ns: int = 0) -> CallRef:
        call = CallRef(call_id=str(uuid.uuid4()), correlation_id=uuid.uuid4().hex)
        self.socket.send(pack(Begin(call.call_id, call.correlation_id, forwards_ns, request)))
        assert self.socket.recv(16) == READY
        return call

    def end(self, call: CallRef) -> None:
        self.socket.send(pack(End(call.call_id)))

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Bound:
    """An event with its calls looked up."""

    event: ExecutionEvent
    calls: tuple[CallRef, ...]


class Told:
    """Everything the sensor published."""

    def __init__(self) -> None:
        self.batches: list[ExecutionBatch] = []
        self.refusing = 0  # how many batches with events are not taken
        self._codec = bundled()

    def publish(self, topic: str, key: str, value: bytes, _report: object = None) -> bool:
        batch = self._codec.decode(value, ExecutionBatch)
        assert (topic, key) == (TOPIC, batch.workload)
        if batch.events and self.refusing:
            self.refusing -= 1
            return False
        self.batches.append(batch)
        return True

    def events(self, kind: str, about: Callable[[ExecutionEvent], bool] = lambda _: True) -> list[Bound]:
        return [
            Bound(event, tuple(batch.calls[index] for index in event.calls))
            for batch in list(self.batches)
            for event in batch.events
            if event.kind == kind and about(event)
        ]

    def count(self, kind: str, about: Callable[[ExecutionEvent], bool] = lambda _: True) -> int:
        return sum(bound.event.count for bound in self.events(kind, about))

    def settled(self) -> None:
        """Wait until everything that happened so far has been told."""
        now = time.monotonic_ns()
        eventually(lambda: bool(self.batches) and self.batches[-1].mono_ns > now)


@pytest.fixture(scope="session", autouse=True)
def _prerequisites(require: Callable[[str, str], None]) -> None:
    for finding in probe():
        if finding.needed and not finding.ok:
            require("kernel", f"{finding.code} {finding.detail}")


@dataclass(frozen=True)
class Running:
    sensor: Sensor
    told: Told
    socket: Path


class Start:
    """Starts sensors for one test and stops them after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads: list[tuple[Sensor, threading.Thread]] = []

    def __call__(self, *, naming: Naming | None = None, **settings: object) -> Running:
        told = Told()
        path = self._folder / "run" / f"{len(self._threads)}.sock"
        config = SensorConfig(lease_socket=path, host="here", **{"heartbeat_s": 0.2, **settings})  # type: ignore[arg-type]
        sensor = Sensor(config, KEYRING, told.publish, naming=naming)
        thread = threading.Thread(target=sensor.run)
        thread.start()
        self._threads.append((sensor, thread))
        return Running(sensor, told, path)

    def stop(self) -> None:
        for sensor, thread in self._threads:
            sensor.stop()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    starting = Start(tmp_path)
    yield starting
    starting.stop()


@pytest.fixture
def running(start: Start) -> Running:
    return start()


@pytest.fixture
def server() -> Iterator[Server]:
    process = Server()
    yield process
    process.close()


@pytest.fixture
def gateway(running: Running, server: Server) -> Iterator[Gateway]:
    """A gateway that holds the lease of `server`."""
    client = Gateway(running.socket)
    assert isinstance(client.attach(server.process.pid), Granted)
    yield client
    client.close()
