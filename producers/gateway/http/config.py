"""Settings of one HTTP gateway in front of one MCP server; the names it shares with the stdio gateway mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ....models import topics
from ....models.errors import ConfigError
from ..policy.config import OnFailure, PolicyConfig
from .address import Listen, Upstream
from .errors import ListenError

__all__ = ["HttpConfig"]

Ship = Literal["off", "auto"]
Host = Literal["keep", "upstream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """Times in milliseconds, sizes in bytes."""

    upstream: str  # http(s)://host[:port][/endpoint] or unix:///path
    spool_dir: Path
    listen: str = "127.0.0.1:8931"  # HOST:PORT, port 0 takes a free one, or unix:/path
    expose: bool = False  # allow an address that other machines can dial
    allowed_hosts: tuple[str, ...] = ()  # values of Host besides this machine's own names; without a port any port
    allowed_origins: tuple[str, ...] = ()  # values of Origin besides http(s)://localhost
    host_header: Host = "keep"  # upstream writes the server's own name into Host: the only byte that ever differs
    ca_file: Path | None = None  # of an https upstream, besides the system's
    endpoint: str = ""  # path of MCP; empty takes the URL's, and without one any path may carry MCP
    server: str = ""  # the operator's name of the server; empty takes the upstream's host and port
    workload: str = ""  # who the effects belong to where neither a sensor nor this machine knows the server
    principal: str = ""  # label of whoever uses this gateway; empty takes token, user or address of each request
    allow: tuple[str, ...] | None = None  # tools that may be called, as shell patterns; None forbids nothing
    pins: Path | None = None  # approved tool definitions; None accepts any
    on_failure: OnFailure = "closed"  # what becomes of a message that allow or pins cannot judge
    identify_peers: bool = False  # look up which local process dialled: some milliseconds of a thread a connection
    audience: str = ""  # canonical URI of the server, that tokens must be made for; empty checks none
    lease_socket: Path | None = None
    key_file: Path | None = None
    key_id: str = ""
    host: str = ""
    cluster: str = ""
    ship: Ship = "off"
    bootstrap: str = ""
    topic: str = topics.PROTOCOL
    kafka: Mapping[str, str] = field(default_factory=dict)
    sensitivity: tuple[Path, ...] = ()
    ready_ms: int = 250
    attach_ms: int = 1000
    connect_ms: int = 10_000
    head_ms: int = 30_000  # for a request's head, once its first byte came
    idle_ms: int = 3000  # after which an unused connection to the server is not used again
    stop_ms: int = 5000  # for what is in flight at SIGTERM
    inspect_bytes: int = 8 << 20  # of one body or event
    held_bytes: int = 256 << 20  # of all bodies together
    head_bytes: int = 64 << 10
    connections: int = 4096
    spool_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        listen = Listen.parse(self.listen)
        if not (listen.loopback or self.expose):
            raise ListenError(
                f"{listen.host} can be dialled from other machines", "listen on 127.0.0.1, or set expose to true"
            )
        Upstream.parse(self.upstream)
        self.policy  # noqa: B018  # what cannot be meant is refused now
        for name, known in (("ship", Ship), ("host_header", Host)):
            if getattr(self, name) not in get_args(known):
                raise ConfigError(f"{name} is {getattr(self, name)!r}", "choose " + " or ".join(get_args(known)))
        if self.ship == "auto" and not self.bootstrap:
            raise ConfigError("ship is auto and bootstrap is empty", "name a broker, or set ship to off")
        if self.endpoint and not self.endpoint.startswith("/"):
            raise ConfigError(f"endpoint is {self.endpoint!r}", "write the path, as in /mcp")
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, at least 1 is needed")

    @property
    def policy(self) -> PolicyConfig:
        return PolicyConfig(allow=self.allow, pins=self.pins, on_failure=self.on_failure)

    @property
    def server_id(self) -> str:
        upstream = Upstream.parse(self.upstream)
        return self.server or (Path(upstream.socket).stem if upstream.socket else upstream.authority)


_POSITIVE = (
    "ready_ms",
    "attach_ms",
    "connect_ms",
    "head_ms",
    "idle_ms",
    "stop_ms",
    "inspect_bytes",
    "held_bytes",
    "head_bytes",
    "connections",
    "spool_bytes",
)
