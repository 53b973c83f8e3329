"""The real sensor as a program, with a broker that takes everything; on request it counts at its end what it told."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson

from ....models.digest import Keyring
from ....models.events import ExecutionBatch
from ....models.wire import bundled
from ....producers.sensor.config import SensorConfig

__all__ = ["main"]


def main(socket: Path, account: Path | None) -> None:
    """Until SIGTERM. `account` gets opens that were told and facts that were told as lost."""
    from ....producers.sensor.service import Sensor  # noqa: PLC0415  # the kernel half, only in the sensor's process

    kept: list[bytes] = []

    def publish(_topic: str, _key: str, value: bytes, _report: Callable[[str | None], None]) -> bool:
        if account:
            kept.append(value)
        return True

    Sensor(SensorConfig(lease_socket=socket, host="bench"), Keyring(os.urandom(32), "bench"), publish).run()
    if account:
        account.write_bytes(orjson.dumps(_count(kept)))


def _count(kept: list[bytes]) -> Counter[str]:
    codec, counts = bundled(), Counter[str]()
    for value in kept:
        batch = codec.decode(value, ExecutionBatch)
        counts["lost"] += batch.lost_before
        counts["limited"] += batch.rate_limited
        for event in batch.events:
            counts[event.kind] += event.count
    return counts


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
