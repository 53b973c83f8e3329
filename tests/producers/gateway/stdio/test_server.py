"""What the processes of one server share, and how long the start of each may take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.models.digest import Keyring
from triptych.models.errors import ConfigError
from triptych.producers.gateway import sensor
from triptych.producers.gateway.config import GatewayConfig
from triptych.producers.gateway.spool.writer import Spool
from triptych.producers.gateway.stdio.server import Servers


class Lease:
    """A sensor that grants nothing and keeps how long it was waited for."""

    waits: list[float]
    state = "none"

    def __init__(self, *_: object, attach_s: float, **__: object) -> None:
        self.waits.append(attach_s)

    def attach(self, _: int) -> None:
        """Nothing is granted."""


@pytest.fixture
def servers(tmp_path: Path) -> Any:
    def make(**settings: Any) -> Servers:
        config = GatewayConfig(command=("true",), spool_dir=tmp_path, **settings)
        return Servers(config, Keyring(b"k" * 32, "test"), Spool(tmp_path, "i", 1 << 20), "i")

    return make


def test_only_the_first_process_waits_for_the_sensor_as_long_as_a_start_may(
    servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lease.waits = []
    monkeypatch.setattr(sensor, "SensorLease", Lease)
    shared = servers(lease_socket=Path("/nobody"), attach_ms=900, ready_ms=20)
    for _ in range(3):
        shared.start()
    assert Lease.waits == [0.9, 0.02, 0.02]


def test_path_classes_that_cannot_be_read_are_told_before_anything_runs(servers: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        servers(sensitivity=(tmp_path / "none.toml",))
