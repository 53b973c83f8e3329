"""The running sensor over a source that no kernel stands behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually

from triptych.models.digest import Keyring
from triptych.models.events import ExecutionBatch
from triptych.models.wire import bundled
from triptych.producers.sensor.binding import State
from triptych.producers.sensor.config import SensorConfig
from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.service import Sensor
from triptych.producers.sensor.source import KernelHalf


class Quiet:
    """Nothing happens; `taken` is what somebody took from the sensor."""

    undecodable = 3

    def __init__(self) -> None:
        self.half = KernelHalf(features=("open",))
        self.descriptor = os.eventfd(0)
        self.taken: tuple[str, ...] = ()
        self._roots: set[int] = set()

    def add(self, root: int, server: str, state: State) -> None:
        self._roots.add(root)

    def stamp(self, root: int, state: State) -> None:
        return

    def remove(self, root: int) -> None:
        self._roots.discard(root)

    def root_of(self, pid: int) -> int | None:
        return pid if pid in self._roots else None

    def living(self) -> set[int]:
        return self._roots

    def settled(self, now_ns: int) -> int:
        return now_ns

    def events(
        self, current: Callable[[int], int], now_ns: int, *, every_sum: bool = False
    ) -> Iterator[tuple[KernelEvent, int]]:
        return iter(())

    def lost(self, root: int) -> int:
        return 0

    def gone(self) -> tuple[str, ...]:
        return self.taken

    def close(self) -> None:
        os.close(self.descriptor)


class Told:
    def __init__(self) -> None:
        self.batches: list[ExecutionBatch] = []

    def publish(self, _topic: str, _key: str, value: bytes, _report: object) -> bool:
        self.batches.append(bundled().decode(value, ExecutionBatch))
        return True

    def awaits(self, status: str) -> ExecutionBatch:
        eventually(lambda: any(batch.status == status for batch in self.batches))
        return [batch for batch in self.batches if batch.status == status][-1]


@pytest.fixture
def source() -> Quiet:
    return Quiet()


@pytest.fixture
def told(source: Quiet, tmp_path: Path) -> Iterator[Told]:
    """What a running sensor tells, with this process as its one leased server."""
    told = Told()
    config = SensorConfig(lease_socket=tmp_path / "lease.sock", host="here", heartbeat_s=0.02)
    sensor = Sensor(config, Keyring(b"sixteen bytes or more", "k"), told.publish, source=source)
    sensor.attach(os.getpid(), "test")
    thread = threading.Thread(target=sensor.run)
    thread.start()
    yield told
    sensor.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_silent_server_is_said_to_be_watched(told: Told) -> None:
    told.awaits("heartbeat")
    assert told.batches[0].features == ("open",)


def test_while_it_is_blinded_it_says_so_in_place_of_a_sign_of_life(told: Told, source: Quiet) -> None:
    told.awaits("heartbeat")
    source.taken = ("sys_exit",)
    assert told.awaits("blinded").features == ("sys_exit",)
    since = [batch.status for batch in told.batches[-1:]]
    source.taken = ()
    assert since == ["blinded"]
    before = len(told.batches)
    eventually(lambda: len(told.batches) >= before + 3)
    assert told.batches[-1].status == "heartbeat"


def test_what_is_dropped_for_any_reason_is_counted(source: Quiet, tmp_path: Path) -> None:
    config = SensorConfig(lease_socket=tmp_path / "lease.sock", host="here")
    sensor = Sensor(config, Keyring(b"sixteen bytes or more", "k"), Told().publish, source=source)
    assert sensor.counters["undecodable"] == source.undecodable
    sensor.stop()
    sensor.run()
