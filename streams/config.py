"""Settings of a worker. Everything that cannot work is refused here, with the numbers, before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..models import topics
from ..models.errors import ConfigError

__all__ = ["STAGES", "ClockTimes", "JoinTimes", "Topics", "WorkerConfig"]

STAGES = ("calls", "turns", "incidents", "feedback")

_GROUP = re.compile(r"[A-Za-z0-9._-]{1,200}")
_MS = 1_000_000
_READ_AGAIN_S = 3_600.0  # a turn may stay open for ten minutes of it
_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Names of the topics a worker reads and writes."""

    protocol: str = topics.PROTOCOL
    execution: str = topics.EXECUTION
    agent: str = topics.AGENT
    calls: str = topics.CALLS
    alerts: str = topics.ALERTS
    alerts_ocsf: str = topics.ALERTS_OCSF
    suppressed: str = topics.ALERTS_SUPPRESSED
    incidents_ocsf: str = topics.INCIDENTS_OCSF
    verdicts: str = topics.VERDICTS
    audit: str = topics.AUDIT
    deadletter: str = topics.DEADLETTER


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTimes:
    """What the watermark rests on, nanoseconds; see clock.py."""

    out_of_order_ns: int = 500 * _MS
    idle_ns: int = 1_000 * _MS
    lag_ns: int = 1_000 * _MS
    skew_ns: int = 5 * _S
    ahead_ns: int = 5 * _S


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTimes:
    """How long the join of calls waits for what, nanoseconds of event time; see join.py. `most_kept`: the calls and
    effects that it may hold together for a co-partition."""

    grace_ns: int = 1_000 * _MS
    slack_ns: int = 200 * _MS
    gap_ns: int = 30 * _S
    max_call_ns: int = 120 * _S
    late_ns: int = 30 * _S
    background_ns: int = 5 * _S
    most_kept: int = 200_000

    def __post_init__(self) -> None:
        if self.most_kept < 1_000:
            raise ConfigError(f"the join cannot do with {self.most_kept} calls and effects in all", "1000 at least")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """One worker process. Times are in the unit their name says; `kafka` takes librdkafka's names for security.

    Raises ConfigError where the settings contradict each other.
    """

    bootstrap: str
    kafka: Mapping[str, str] = field(default_factory=dict)
    group: str = "triptych"
    instance: str | None = None  # static membership: a restart under the same name moves no partition
    stages: tuple[str, ...] = STAGES
    topics: Topics = Topics()
    partitions: int = 12
    grace_ms: int = 1_000
    slack_ms: int = 200
    gap_s: float = 30.0
    max_call_s: float = 120.0
    late_horizon_s: float = 30.0
    most_kept: int = 200_000
    background_s: float = 5.0
    out_of_order_ms: int = 500
    idle_ms: int = 1_000
    max_transport_lag_ms: int = 1_000
    clock_skew_s: float = 5.0
    turn_gap_s: float = 30.0
    tick_ms: int = 200
    commit_s: float = 1.0
    session_timeout_s: float = 10.0
    stalled_s: float = 60.0
    max_record_bytes: int = 900_000
    health_port: int = 0
    redis_url: str = ""

    def __post_init__(self) -> None:
        self._check_names()
        self._check_times()
        if not 0 <= self.health_port < 65_536:
            raise ConfigError(f"health port {self.health_port} is none", "0 switches health off, else 1 to 65535")
        if self.partitions < 1 or self.max_record_bytes < 10_000:
            raise ConfigError(
                f"{self.partitions} partitions and records of {self.max_record_bytes} bytes leave no room for work"
            )

    def _check_names(self) -> None:
        if not self.bootstrap.strip():
            raise ConfigError("no broker is named", "set the bootstrap address, for example 127.0.0.1:9092")
        if not _GROUP.fullmatch(self.group):
            raise ConfigError(f"the group {self.group!r} is no Kafka name", "letters, digits, dot, dash, underscore")
        if not self.stages or not set(self.stages) <= set(STAGES) or len(set(self.stages)) < len(self.stages):
            raise ConfigError(f"stages {list(self.stages)} are not some of {list(STAGES)}")

    def _check_times(self) -> None:
        for name in _POSITIVE:
            value: Any = getattr(self, name)
            if not 0 < value < 10**9:
                raise ConfigError(f"{name} is {value}", "it must be above 0")
        if self.grace_ms < 2 * self.slack_ms:
            raise ConfigError(
                f"grace_ms {self.grace_ms} is below twice slack_ms {self.slack_ms}",
                "an effect just behind a reply must be bound before its call closes",
            )
        if self.idle_ms < 2 * self.tick_ms:
            raise ConfigError(
                f"idle_ms {self.idle_ms} is below twice tick_ms {self.tick_ms}",
                "silence is noticed at a tick, and only by a worker that was awake for the one before",
            )
        if self.grace_ms > self.max_call_s * 1_000 or self.gap_s > self.max_call_s:
            raise ConfigError(
                f"grace_ms {self.grace_ms} or gap_s {self.gap_s} is longer than max_call_s {self.max_call_s}",
                "a call must be able to end before it is cut into segments",
            )

    @property
    def read_again_s(self) -> float:
        """How old a record may be that a worker reads again after a restart, with room for the restart itself."""
        return max(_READ_AGAIN_S, 2 * self.max_call_s)

    @property
    def clock(self) -> ClockTimes:
        return ClockTimes(
            out_of_order_ns=self.out_of_order_ms * _MS,
            idle_ns=self.idle_ms * _MS,
            lag_ns=self.max_transport_lag_ms * _MS,
            skew_ns=int(self.clock_skew_s * _S),
        )

    @property
    def join(self) -> JoinTimes:
        return JoinTimes(
            grace_ns=self.grace_ms * _MS,
            slack_ns=self.slack_ms * _MS,
            gap_ns=int(self.gap_s * _S),
            max_call_ns=int(self.max_call_s * _S),
            late_ns=int(self.late_horizon_s * _S),
            background_ns=int(self.background_s * _S),
            most_kept=self.most_kept,
        )


_POSITIVE = (
    "grace_ms",
    "slack_ms",
    "gap_s",
    "max_call_s",
    "late_horizon_s",
    "background_s",
    "out_of_order_ms",
    "idle_ms",
    "max_transport_lag_ms",
    "clock_skew_s",
    "turn_gap_s",
    "tick_ms",
    "commit_s",
    "session_timeout_s",
    "stalled_s",
)
