"""Sections of the settings for what observes: the gateway, the sensor, the agent receiver, and what they share."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .section import Port, Positive, Section, Words, config_home, run_home, state_home

__all__ = ["Agent", "Digest", "Gateway", "Identity", "Sensor"]


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


class Gateway(Section):
    """The process between an MCP client and its server. gateway.toml says the same for each server of a machine."""

    config: Path | None = None
    """Settings file of the gateways; none takes ~/.config/triptych/gateway.toml or /etc/triptych/gateway.toml."""
    server: str = ""
    """The operator's name of the server; baselines belong to it. Empty derives it from the command or the URL."""
    principal: str = ""
    """On whose behalf the client calls; empty takes what the system or the request says."""
    spool_dir: Path = Field(default_factory=lambda: state_home() / "spool")
    """Folder where events wait until the broker has them."""
    lease_socket: Path | None = Field(default_factory=lambda: run_home() / "lease.sock")
    """Socket of the sensor on this machine."""
    allow: Words | None = None
    """Tools that may be called, as shell patterns; none given forbids none."""
    pins: Path | None = None
    """File with approved tool definitions, written by `triptych gateway pin`; others may not be called."""
    on_failure: Literal["closed", "open"] = "closed"
    """closed blocks a message that allow or pins cannot judge, open lets it pass; without these nothing is blocked."""
    dispatch_mode: Literal["concurrent", "serialised", "replica"] = "concurrent"
    """serialised holds calls back so that one is in flight at a time: every effect binds exactly; replica runs the
    server several times instead, each with one call."""
    replicas: Positive = 4
    """Processes of one server at most, in replica mode."""
    ship: Literal["off", "auto"] = "off"
    """auto starts a shipper for the spool where none runs; off leaves it to `triptych gateway ship`."""


class Sensor(Section):
    """The kernel sensor of a machine."""

    lease_socket: Path = Field(default_factory=lambda: run_home() / "lease.sock")
    """Socket on which gateways ask for a lease."""
    lease_mode: Annotated[str, Field(pattern=r"^0[0-7]{3}$")] = "0600"
    """Permissions of that socket, octal; 0660 lets gateways of the folder's group lease too."""
    lease_users: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """User ids whose gateways may lease servers they did not start, as HTTP gateways must. The servers must run as
    other users, or they could ask in the gateway's place."""
    heartbeat_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Seconds between two signs of life of a silent workload."""
    events_per_second: Annotated[int, Field(ge=1)] = 5000
    """Events of one kind that are listed of one workload each second; more are counted, sensitive files always told."""
    ring_bytes: Annotated[int, Field(ge=1 << 16, le=1 << 30)] = 4 << 20
    """Ring between kernel and sensor, a power of two; 1 MiB holds about 7,000 opens between two readings."""
    proving: bool = True
    """Hash the programs that run, and ask who may write the libraries they load."""
    front_end: Literal["auto", "core", "bcc"] = "auto"
    """What loads the kernel half: the prebuilt objects (core), BCC, or the first that works."""
    recording: Path | None = None
    """File that keeps the ring's raw bytes, to be replayed."""
    kubernetes_api: str = ""
    """URL of the API server that names this node's pods, such as https://kubernetes.default.svc; empty asks none."""
    kubernetes_node: str = ""
    """Name of this node; the downward API gives it (spec.nodeName)."""
    kubernetes_token: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """File with the token, read anew for every request."""
    kubernetes_ca: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    """The only certificates that are trusted as the API server's."""
    docker_socket: Path | None = None
    """Socket of Docker or Podman, to name containers. Whoever may open it owns the machine; none asks no engine."""
    name_wait_s: Annotated[float, Field(ge=0, le=10)] = 2.0
    """Seconds that the first events of a workload wait for its names at most."""


class Agent(Section):
    """The OTLP/HTTP receiver of agent telemetry."""

    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback, put an authenticating proxy before it."""
    port: Port = 4318
    """Port to listen on; 0 takes a free one."""
