"""What a live sensor recorded gives the same batches again, and can stand in for the kernel in a later run."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.producers.sensor.config import SensorConfig
from triptych.producers.sensor.recorded import RECORDED, Recorded
from triptych.producers.sensor.replay import replay
from triptych.producers.sensor.service import Sensor

from .conftest import KEYRING, Gateway, Server, Start, Told

pytestmark = pytest.mark.kernel


def _two_calls(server: Server, gateway: Gateway, folder: Path) -> None:
    for name in ("first", "second"):
        call = gateway.begin()
        server.do(f"subprocess.run(['touch', '{folder}/{name}'])")
        gateway.end(call)


@pytest.fixture
def recorded(start: Start, server: Server, tmp_path: Path) -> tuple[Path, Told]:
    path = tmp_path / "story.rec"
    running = start(recording=path)
    gateway = Gateway(running.socket)
    gateway.attach(server.process.pid)
    _two_calls(server, gateway, tmp_path)
    running.told.settled()
    gateway.close()
    start.stop()
    return path, running.told


def test_a_replay_gives_the_batches_of_the_live_run(recorded: tuple[Path, Told]) -> None:
    path, told = recorded
    live = [batch for batch in told.batches if batch.status != "heartbeat"]
    again = list(replay(path, KEYRING))
    assert [batch.events for batch in again] == [batch.events for batch in live]
    assert [replace(batch, sequence=0, event_id="") for batch in again] == [
        replace(batch, sequence=0, event_id="") for batch in live
    ]


def test_a_replay_moves_time_and_renames_calls(recorded: tuple[Path, Told]) -> None:
    path, told = recorded
    old = next(call.call_id for batch in told.batches for call in batch.calls)
    first, *_ = told.batches
    again = list(replay(path, KEYRING, shift_ns=1000, remap={old: "new"}))
    assert again[0].wall_ns == first.wall_ns + 1000
    assert "new" in {call.call_id for batch in again for call in batch.calls}
    assert old not in {call.call_id for batch in again for call in batch.calls}


def test_a_recording_stands_in_for_the_kernel(recorded: tuple[Path, Told], tmp_path: Path) -> None:
    path, _ = recorded
    told = Told()
    config = SensorConfig(lease_socket=tmp_path / "again.sock", host="here", heartbeat_s=0.2)
    sensor = Sensor(config, KEYRING, told.publish, source=Recorded(path, time.monotonic_ns))
    thread = threading.Thread(target=sensor.run)
    thread.start()
    server = Server()
    try:
        gateway = Gateway(config.lease_socket)
        gateway.attach(server.process.pid)
        calls = []
        for _ in range(3):
            calls.append(gateway.begin())
            gateway.end(calls[-1])
        told.settled()
        gateway.close()
    finally:
        server.close()
        sensor.stop()
        thread.join(PATIENCE_S)
    touched = told.events("open", lambda event: (event.path or "").startswith(str(tmp_path)))
    assert [(Path(bound.event.path or "").name, bound.calls) for bound in touched] == [
        ("first", (calls[0],)),
        ("second", (calls[1],)),
    ]
    assert {bound.event.binding for bound in touched} == {"exact"}
    assert {bound.event.pid for bound in told.events("fork")} == {server.process.pid}
    assert told.batches[0].features[0] == RECORDED
    watermark = 0
    for batch in told.batches:
        assert all(event.mono_ns >= watermark for event in batch.events)
        watermark = batch.mono_ns
