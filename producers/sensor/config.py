"""Settings of the sensor. Reads no environment; impossible values never get past the constructor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...models.errors import ConfigError

__all__ = ["SensorConfig"]

_SMALLEST_RING, _LARGEST_RING = 1 << 16, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """`ring_bytes` holds about 8,000 opens a MiB between two readings; `recording` keeps raw input for a replay.

    `lease_mode` is that of the socket: 0o600 for gateways of the sensor's own user. `lease_users` are the user ids
    whose gateways may lease servers they did not start, as HTTP gateways must; the servers must run as other users.
    `events_per_second` is how many events of one kind of one workload are listed; more are counted, unless sensitive.
    With `proving`, programs are told with their hash, and libraries with who may write them.
    `front_end` loads the kernel half: core or bcc; auto takes the first that works.
    """

    lease_socket: Path
    host: str
    cluster: str = ""
    heartbeat_s: float = 1.0
    flush_ms: int = 20
    ring_bytes: int = 4 << 20
    events_per_second: int = 5000
    proving: bool = True
    front_end: Literal["auto", "core", "bcc"] = "auto"
    lease_mode: int = 0o600
    lease_users: tuple[int, ...] = ()
    recording: Path | None = None

    def __post_init__(self) -> None:
        if not 0 < self.flush_ms <= 1000:
            raise ConfigError(f"flush_ms is {self.flush_ms}", "choose 1 to 1000 milliseconds")
        if not self.flush_ms / 1000 <= self.heartbeat_s <= 60:
            raise ConfigError(f"heartbeat_s is {self.heartbeat_s}", f"choose {self.flush_ms / 1000} to 60 seconds")
        if self.ring_bytes & (self.ring_bytes - 1) or not _SMALLEST_RING <= self.ring_bytes <= _LARGEST_RING:
            raise ConfigError(f"ring_bytes is {self.ring_bytes}", "choose a power of two from 64 KiB to 1 GiB")
        if self.events_per_second < 1:
            raise ConfigError(f"events_per_second is {self.events_per_second}", "choose 1 or more, such as 5000")
        if self.lease_mode & ~0o777 or not self.lease_mode & 0o600:
            raise ConfigError(f"lease_mode is {self.lease_mode:#o}", "choose permissions such as 0o600 or 0o660")
        if any(user < 0 for user in self.lease_users):
            raise ConfigError(f"lease_users is {self.lease_users}", "choose user ids, 0 and above")
        if len(str(self.lease_socket).encode()) > 107:
            raise ConfigError(f"{self.lease_socket} is too long for a socket (107 bytes)", "choose a shorter path")
