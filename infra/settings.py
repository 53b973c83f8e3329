"""What an operator can set, section by section. Each field documents itself; an impossible value never gets past here.

Only shapes and checks: infra/loading.py reads files and environment, infra/assembly.py hands the values to the rooms.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ..models.incidents.member import Windows
from .section import Paths, Port, Positive, PositiveSeconds, Seconds, Section, Words, split
from .section_producers import Agent, Digest, Gateway, Identity, Sensor
from .section_services import EMBEDDED_PARTITIONS, Kafka, Redis, Registry

__all__ = [
    "EMBEDDED_PARTITIONS",
    "Agent",
    "Digest",
    "Findings",
    "Gateway",
    "Identity",
    "Incidents",
    "Kafka",
    "Model",
    "Networks",
    "Redis",
    "Registry",
    "Sensor",
    "Settings",
    "Worker",
]


class Networks(Section):
    """Which addresses count as outside when effects are judged."""

    outside: Words = ()
    """Networks that count as outside although they are private, for example 127.0.0.0/8 in the demo."""
    inside: Words = ()
    """Networks that count as inside although they are public, for example your own ranges."""

    @field_validator("outside", "inside")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(network)) for network in networks)


class Worker(Section):
    """The stream worker. streams/config.py refuses combinations that cannot work."""

    group: str = "triptych"
    """Prefix of the consumer groups."""
    instance: str | None = None
    """This worker's name among those of its group: a restart under the same name moves no partition."""
    stages: Annotated[tuple[Literal["calls", "turns", "incidents", "feedback"], ...], BeforeValidator(split)] = (
        "calls",
        "turns",
        "incidents",
        "feedback",
    )
    """Which stages this process runs."""
    grace_ms: Positive = 1_000
    """How long a call waits for effects after its reply, event time."""
    slack_ms: Positive = 200
    """How far the clocks of gateway and sensor may stand apart on one machine."""
    gap_s: PositiveSeconds = 30.0
    """A call whose reply never comes closes after this silence."""
    max_call_s: PositiveSeconds = 120.0
    """A longer call is cut into segments."""
    out_of_order_ms: Positive = 500
    """How far events of one partition may arrive out of order."""
    idle_ms: Positive = 1_000
    """After this silence an input no longer holds the watermark back."""
    late_horizon_s: PositiveSeconds = 30.0
    """For so long a closed call is remembered, and effects that come late amend it."""
    most_kept: Annotated[int, Field(ge=1_000)] = 200_000
    """Calls and effects that a stage holds for one partition, a bit more than 1 KiB each; beyond it those that are due
    first end before their time."""
    turn_gap_s: PositiveSeconds = 30.0
    """A turn closes after this silence of its correlation id, event time."""
    health_port: Port = 0
    """Loopback port of /healthz, /readyz and /metrics; 0 serves none."""


class Model(Section):
    """How loud the score may be. When it may speak at all is fixed: models/baseline.py."""

    alert_risk: Annotated[float, Field(gt=0, le=100)] = 75.0
    """Risk from which the score alone raises a finding; 75 is one usual turn in a thousand."""


class Findings(Section):
    """What a finding carries, and which rules judge."""

    tenant: Annotated[str, Field(min_length=1)] = "default"
    """Tenant uid in every OCSF finding; also separates what Redis holds."""
    labels: Words = ()
    """Labels in every finding."""
    ocsf_version: Literal["1.8.0", "1.9.0", "1.5.0"] = "1.8.0"
    """OCSF version of mcp.alerts.ocsf."""
    rules: Paths = ()
    """Folders with rules of your own (TOML, Python, Sigma), beside the shipped ones."""
    rule_budget_ms: Positive = 250
    """How long a Python rule of yours may take for one call; what takes longer is stopped."""
    exceptions: Paths = ()
    """Files with exceptions: what rules shall not tell, by whom, why and until when."""
    most_per_rule: Positive = 100
    """New findings an hour of one rule; what comes beyond is told of by one finding with its count."""
    most_per_workload: Positive = 20
    """New findings an hour of one workload, in the same way."""
    sensitivity: Paths = ()
    """Files with sensitivity classes of your own, beside the shipped ones."""


class Incidents(Section):
    """How far apart two findings may begin and still be one incident, seconds of event time; 0 turns it off.

    Findings of one trace always are.
    """

    conversation_s: Seconds = 86_400.0
    """Findings of one conversation."""
    workload_s: Seconds = 3_600.0
    """Findings of one workload."""
    principal_s: Seconds = 3_600.0
    """Findings on behalf of one principal."""

    @property
    def windows(self) -> Windows:
        return Windows(
            conversation_ns=int(self.conversation_s * 1e9),
            workload_ns=int(self.workload_s * 1e9),
            principal_ns=int(self.principal_s * 1e9),
        )


class Settings(BaseSettings):
    """All sections. Build it through infra.loading.load, which knows where each value came from."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="TRIPTYCH_",
        env_nested_delimiter="__",
        enable_decoding=False,
    )

    identity: Identity = Field(default_factory=Identity)
    digest: Digest = Field(default_factory=Digest)
    kafka: Kafka = Field(default_factory=Kafka)
    redis: Redis = Field(default_factory=Redis)
    registry: Registry = Field(default_factory=Registry)
    networks: Networks = Field(default_factory=Networks)
    gateway: Gateway = Field(default_factory=Gateway)
    sensor: Sensor = Field(default_factory=Sensor)
    agent: Agent = Field(default_factory=Agent)
    worker: Worker = Field(default_factory=Worker)
    model: Model = Field(default_factory=Model)
    findings: Findings = Field(default_factory=Findings)
    incidents: Incidents = Field(default_factory=Incidents)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read on the side: the loader passes every layer, so every value has a known source."""
        return (init_settings,)
