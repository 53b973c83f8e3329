"""The real kernel sensor, with a broker that takes everything: the gateway waits for its lease, not for Kafka."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....models.digest import Keyring
from ....producers.sensor.config import SensorConfig
from ...demo.parts import accepts
from ...process import running, tail
from ..errors import BenchError
from .place import Place, module

__all__ = ["lacking", "main", "sensing"]

_READY_S = 30.0
_POLL_S = 0.02


def main(socket: Path) -> None:
    """Until SIGTERM."""
    from ....producers.sensor.service import Sensor  # noqa: PLC0415  # BCC, only in the sensor's own process

    config = SensorConfig(lease_socket=socket, host="bench", lease_users=(os.getuid(),))
    Sensor(config, Keyring(os.urandom(32), "bench"), lambda *_: True).run()


def lacking() -> str:
    """Why no sensor can run here, empty where it can."""
    from ....producers.sensor.probe import probe  # noqa: PLC0415

    return next((f"{finding.code} {finding.detail}" for finding in probe() if not finding.ok), "")


@contextmanager
def sensing(place: Place) -> Iterator[None]:
    """A sensor of its own for one turn: what it costs must not reach the turns of the others."""
    log = place.log("sensor")
    deadline = time.monotonic() + _READY_S
    with running(module("sensor", place.lease), log=log) as process:
        while not accepts(place.lease):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the sensor does not answer:\n{tail(log)}")
            time.sleep(_POLL_S)
        yield


if __name__ == "__main__":
    main(Path(sys.argv[1]))
