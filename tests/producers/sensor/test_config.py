"""A setting that cannot work is refused with its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.models.errors import ConfigError
from triptych.producers.sensor.config import SensorConfig

SOCKET = Path("/run/t/lease.sock")


def test_the_defaults_work() -> None:
    assert SensorConfig(lease_socket=SOCKET, host="h").ring_bytes == 4 << 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"flush_ms": 0},
        {"heartbeat_s": 0.001},
        {"heartbeat_s": 61.0},
        {"ring_bytes": 5_000_000},
        {"ring_bytes": 4096},
        {"events_per_second": 0},
        {"lease_mode": 0o060},
        {"lease_users": (-1,)},
        {"lease_mode": 0o1777},
        {"lease_socket": Path("/" + "x" * 120)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_impossible_setting_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SensorConfig(**{"lease_socket": SOCKET, "host": "h", **wrong})
