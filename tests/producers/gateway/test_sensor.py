"""The lease: the gateway waits for the sensor, but never long."""

from __future__ import annotations

import array
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from patience import PATIENCE_S, eventually

from triptych.producers.gateway.sensor import SensorLease
from triptych.producers.lease import READY, Attach, Begin, End, Granted, Refused, pack, parse

TRACE = "0" * 31 + "1"
READY_NS = int(PATIENCE_S * 1e9)


def call(number: int) -> Any:
    """As much of a call as a lease needs."""
    return SimpleNamespace(
        call_id=f"00000000-0000-7000-8000-{number:012}", correlation_id=TRACE, key=("integer", number)
    )


class Sensor:
    """Answers as told and remembers what it was told. `mute` begins get no answer until `speak`."""

    def __init__(self, path: Path, answer: Granted | Refused, mute: int = 0) -> None:
        self.path, self.heard = path, []  # type: tuple[Path, list[object]]
        self._answer, self._mute, self._owed = answer, mute, 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        self.peer, _ = self._listener.accept()
        data, ancillary, _, _ = self.peer.recvmsg(4096, 64)
        self.heard += [parse(data), len(array.array("i", ancillary[0][2]))]
        self.peer.send(pack(self._answer))
        while not isinstance(self._answer, Refused) and (data := self.peer.recv(4096)):
            self.heard.append(parse(data))
            if isinstance(self.heard[-1], Begin):
                self._owed += 1
                if self._mute:
                    self._mute -= 1
                else:
                    self.speak()
        self.peer.close()

    def speak(self, ahead: int = 0) -> None:
        """The answers that are owed, and some to begins that are yet to come."""
        eventually(lambda: self._owed)
        for _ in range(self._owed + ahead):
            self.peer.send(READY)
        self._owed = 0

    def close(self) -> None:
        self._listener.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Callable[..., Sensor]]:
    made: list[Sensor] = []

    def start(*arguments: object) -> Sensor:
        made.append(Sensor(tmp_path / "s", *arguments))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for one in made:
        one.close()


class Clock:
    """Stands still until it is set."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def pidfd() -> Iterator[int]:
    fd = os.pidfd_open(os.getpid())
    yield fd
    os.close(fd)


def lease_of(path: Path | None, **settings: Any) -> SensorLease:
    """A lease that waits for ever, as the default would not on a busy machine."""
    return SensorLease(path, "files", **{"attach_s": PATIENCE_S, "ready_s": PATIENCE_S, **settings})


def test_a_granted_lease_hears_of_every_call(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7))
    lease = lease_of(there.path, monotonic_ns=Clock())
    assert lease.attach(pidfd) == Granted("pod-1", 42, 7)
    lease.begin([call(1), call(2)])
    lease.end(call(1))
    assert lease.state == "granted"
    lease.close()
    there.thread.join(PATIENCE_S)
    begun = [Begin(call(number).call_id, TRACE, READY_NS, str(number)) for number in (1, 2)]
    assert there.heard == [Attach("files"), 1, *begun, End(call(1).call_id)]


def test_a_refusal_is_no_workload(sensor: Callable[..., Sensor], pidfd: int) -> None:
    lease = lease_of(sensor(Refused("not yours")).path)
    assert lease.attach(pidfd) is None
    lease.begin([call(1)])
    assert lease.state == "refused"


def test_one_late_answer_marks_its_call_and_keeps_the_lease(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7), 2)
    lease = lease_of(there.path, ready_s=0.05)
    lease.attach(pidfd)
    lease.begin([call(1)])
    assert lease.state == "lost"
    there.speak(ahead=1)
    lease.begin([call(2)])
    assert lease.state == "granted"
    lease.close()
    there.thread.join(PATIENCE_S)
    assert [heard.call_id for heard in there.heard if isinstance(heard, Begin)] == [call(1).call_id, call(2).call_id]


def test_an_answer_that_came_meanwhile_is_taken_at_the_end_of_a_call(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7), 1)
    lease = lease_of(there.path, ready_s=0.05)
    lease.attach(pidfd)
    lease.begin([call(1)])
    there.speak()
    lease.end(call(1))
    assert lease.state == "granted"


def test_a_silent_sensor_costs_a_few_bounded_waits(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7), 1000)
    lease = lease_of(there.path, ready_s=0.01, monotonic_ns=Clock())
    lease.attach(pidfd)
    for number in range(20):
        lease.begin([call(number)])
        lease.end(call(number))
    there.thread.join(PATIENCE_S)
    assert lease.state == "lost"
    assert sum(isinstance(heard, Begin) for heard in there.heard) == 4


def test_of_many_calls_a_slow_sensor_hears_all_or_loses_the_lease(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7), 1000)
    lease = lease_of(there.path, ready_s=0.01)
    lease.attach(pidfd)
    lease.begin([call(number) for number in range(100)])
    there.thread.join(PATIENCE_S)  # the connection is closed, and with it no call is under a lease
    assert lease.state == "lost"


def test_without_a_sensor_there_is_no_lease(tmp_path: Path, pidfd: int) -> None:
    nowhere = lease_of(tmp_path / "none")
    assert (nowhere.attach(pidfd), nowhere.state) == (None, "lost")
    unset = lease_of(None)
    assert (unset.attach(pidfd), unset.state) == (None, "none")


def test_a_sensor_that_comes_back_is_told_of_every_running_call(
    tmp_path: Path, sensor: Callable[..., Sensor], pidfd: int
) -> None:
    clock, later = Clock(), []  # type: tuple[Clock, list[Granted]]
    lease = lease_of(tmp_path / "s", monotonic_ns=clock, regranted=later.append)
    assert lease.attach(pidfd) is None
    lease.begin([call(1), call(2)])
    lease.end(call(1))
    assert (lease.state, later) == ("lost", [])
    there = sensor(Granted("pod-2", 42, 7))
    lease.begin([call(3)])
    assert lease.state == "lost"  # not asked again so soon
    clock.now = 1_000_000_000
    lease.begin([call(4)])
    assert (lease.state, later) == ("granted", [Granted("pod-2", 42, 7)])
    lease.close()
    there.thread.join(PATIENCE_S)
    assert there.heard[2:] == [
        Begin(call(number).call_id, TRACE, 1_000_000_000 + READY_NS, str(number)) for number in (2, 3, 4)
    ]


def test_a_refusal_is_not_for_ever(tmp_path: Path, sensor: Callable[..., Sensor], pidfd: int) -> None:
    clock = Clock()
    refusing = sensor(Refused("another connection holds the lease of this server"))
    lease = lease_of(tmp_path / "s", monotonic_ns=clock)
    lease.attach(pidfd)
    assert lease.state == "refused"
    refusing.close()
    sensor(Granted("pod-1", 42, 7))
    clock.now = 1_000_000_000
    lease.begin([call(1)])
    assert lease.state == "granted"


def test_who_keeps_refusing_is_asked_ever_more_rarely(tmp_path: Path, pidfd: int) -> None:
    clock = Clock()
    lease = lease_of(tmp_path / "none", monotonic_ns=clock)
    lease.attach(pidfd)
    asked = []
    lease._attach = lambda _: asked.append(clock.now) or lease._lose()  # type: ignore[method-assign,func-returns-value]
    for clock.now in range(0, 300_000_000_000, 1_000_000_000):
        lease.begin([call(1)])
    seconds = [at // 1_000_000_000 for at in asked]
    assert seconds == [1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_a_sensor_that_ends_the_lease_stops_no_call(sensor: Callable[..., Sensor], pidfd: int) -> None:
    there = sensor(Granted("pod-1", 42, 7))
    lease = lease_of(there.path)
    lease.attach(pidfd)
    there.peer.shutdown(socket.SHUT_RDWR)
    lease.begin([call(1)])
    lease.end(call(1))
    assert lease.state == "lost"
