"""A real sensor in a process, and what it told: effects that carry their truth in the names of the files they open."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ....models.digest import Keyring
from ....models.events import ExecutionBatch, ExecutionEvent
from ....models.wire import bundled
from ....producers.sensor.config import SensorConfig
from ....producers.sensor.service import Sensor
from ...demo.parts import accepts
from ...process import tail
from ..errors import BenchError
from .judge import Effect

__all__ = ["Told", "main", "sensing"]

_TRUTH = re.compile(r"call-(\d+)(?:\.(\w+)\.(\w+))?$")
_HEARTBEAT_S = 0.1
_READY_S = 30.0
_LENGTH = struct.Struct("<I")
_PATIENCE_S = 10.0


class Told:
    """Batches of a sensor as they come out of its process."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._raw: list[bytes] = []
        self._decoded: list[ExecutionBatch] = []
        self._codec = bundled()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe: IO[bytes]) -> None:
        while head := pipe.read(_LENGTH.size):
            self._raw.append(pipe.read(*_LENGTH.unpack(head)))

    @property
    def _batches(self) -> list[ExecutionBatch]:
        fresh, self._raw = self._raw, []
        self._decoded += [self._codec.decode(value, ExecutionBatch) for value in fresh]
        return self._decoded

    def forget(self) -> None:
        self._raw, self._decoded = [], []

    def settle(self) -> None:
        """Wait until everything that happened so far has been told. Raises BenchError when facts were lost."""
        now, deadline = time.monotonic_ns(), time.monotonic() + _PATIENCE_S
        while not self._batches or any(mono < now for mono in self._last().values()):
            if time.monotonic() > deadline:
                raise BenchError("the sensor tells nothing of the server", "triptych doctor")
            time.sleep(0.02)
        if lost := sum(batch.lost_before for batch in self._batches):
            raise BenchError(f"the sensor lost {lost} facts", "measure on a quieter machine")

    def effects(self, otherwise: str) -> list[Effect]:
        """Opens that name their call; `otherwise` is the tool where the name tells none."""
        return [
            Effect(
                truth=int(said[1]),
                tool=said[2] or otherwise,
                at_ns=event.mono_ns,
                named=frozenset(int(batch.calls[index].correlation_id, 16) for index in event.calls),
                binding=event.binding,
            )
            for batch, event, said in self._marked()
        ]

    def files(self) -> set[str]:
        return {event.path or "" for _, event, _ in self._marked()}

    def _marked(self) -> Iterator[tuple[ExecutionBatch, ExecutionEvent, re.Match[str]]]:
        for batch in list(self._batches):
            for event in batch.events:
                if event.kind == "open" and (said := _TRUTH.search(event.path or "")):
                    yield batch, event, said

    def _last(self) -> dict[str, int]:
        """How far each workload that is still watched has been told."""
        batches = list(self._batches)
        ended = {batch.workload for batch in batches if batch.status == "stop"}
        return {batch.workload: batch.mono_ns for batch in batches if batch.workload not in ended}


@contextmanager
def sensing(lease: Path, log: Path) -> Iterator[Told]:
    """Serves gateways on `lease` while the block runs."""
    argv = [sys.executable, "-m", __name__, str(lease)]
    with log.open("ab") as errors, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors) as sensor:
        try:
            deadline = time.monotonic() + _READY_S
            while not accepts(lease):
                if sensor.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(f"the sensor does not answer:\n{tail(log)}")
                time.sleep(0.05)
            yield Told(cast(IO[bytes], sensor.stdout))
        finally:
            sensor.terminate()


def _publish(_topic: str, _key: str, value: bytes, _report: object = None) -> bool:
    sys.stdout.buffer.write(_LENGTH.pack(len(value)) + value)
    sys.stdout.buffer.flush()
    return True


def main(lease: Path) -> None:
    """A sensor that tells its standard output, until SIGTERM."""
    config = SensorConfig(lease_socket=lease, host="bench", heartbeat_s=_HEARTBEAT_S, lease_users=(os.getuid(),))
    Sensor(config, Keyring(os.urandom(32), "bench"), _publish).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
