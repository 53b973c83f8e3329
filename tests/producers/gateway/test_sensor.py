"""The lease: the gateway waits for the sensor, but never long."""

from __future__ import annotations

import array
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triptych.producers.gateway.observer.ledger import Call
from triptych.producers.gateway.sensor import SensorLease
from triptych.producers.lease import READY, Attach, Begin, End, Granted, Refused, pack, parse

TRACE = "0" * 31 + "1"


def call(number: int) -> Call:
    return Call(
        call_id=f"00000000-0000-7000-8000-{number:012}",
        correlation_id=TRACE,
        trace_source="minted",
        parent_span_id=None,
        conversation="c",
        conversation_source="process",
        method="tools/call",
        tool="t",
        resource_digest=None,
        era="modern",
        era_evidence="_meta",
        version=None,
    )


class Sensor:
    """Answers as told and remembers what it was told."""

    def __init__(self, path: Path, answer: Granted | Refused, ready: bytes | None = READY) -> None:
        self.path, self.heard = path, []  # type: tuple[Path, list[object]]
        self._answer, self._ready = answer, ready
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        data, ancillary, _, _ = peer.recvmsg(4096, 64)
        self.heard += [parse(data), len(array.array("i", ancillary[0][2]))]
        peer.send(pack(self._answer))
        while data := peer.recv(4096):
            self.heard.append(parse(data))
            if isinstance(self.heard[-1], Begin) and self._ready is not None:
                peer.send(self._ready)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Callable[..., Sensor]]:
    made: list[Sensor] = []

    def start(*arguments: object) -> Sensor:
        made.append(Sensor(tmp_path / "s", *arguments))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def pidfd() -> Iterator[int]:
    fd = os.pidfd_open(os.getpid())
    yield fd
    os.close(fd)


def test_a_granted_lease_hears_of_every_call(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7))
    lease = SensorLease(there.path, "files")
    assert lease.attach(pidfd) == Granted("pod-1", 42, 7)
    lease.begin([call(1), call(2)])
    lease.end(call(1))
    assert lease.state == "granted"
    lease.close()
    there.thread.join(5)
    begun = [Begin(call(number).call_id, TRACE) for number in (1, 2)]
    assert there.heard == [Attach("files"), 1, *begun, End(call(1).call_id)]


def test_a_refusal_is_no_workload(sensor: Callable[..., Sensor], pidfd: int) -> None:
    lease = SensorLease(sensor(Refused("not yours")).path, "files")
    assert lease.attach(pidfd) is None
    lease.begin([call(1)])
    assert lease.state == "refused"


def test_a_silent_sensor_costs_one_bounded_wait(sensor: Callable[..., Sensor], pidfd: int) -> None:
    lease = SensorLease(sensor(Granted("pod-1", 42, 7), None).path, "files", ready_s=0.01, monotonic_ns=lambda: 0)
    lease.attach(pidfd)
    lease.begin([call(1)])
    assert lease.state == "lost"
    lease.begin([call(2)])
    lease.end(call(1))


def test_without_a_sensor_there_is_no_lease(tmp_path: Path, pidfd: int) -> None:
    nowhere = SensorLease(tmp_path / "none", "files")
    assert (nowhere.attach(pidfd), nowhere.state) == (None, "lost")
    unset = SensorLease(None, "files")
    assert (unset.attach(pidfd), unset.state) == (None, "none")


def test_a_sensor_that_comes_back_is_asked_again(tmp_path: Path, sensor: Callable[..., Sensor], pidfd: int) -> None:
    times = iter([0, 1, 10_000_000_000])
    lease = SensorLease(tmp_path / "s", "files", monotonic_ns=lambda: next(times))
    assert lease.attach(pidfd) is None
    lease.begin([call(1)])
    assert lease.state == "lost"
    sensor(Granted("pod-1", 42, 7))
    lease.begin([call(2)])
    assert lease.state == "granted"
