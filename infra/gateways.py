"""The gateways of a machine: their own settings file between the common file and what this call says.

A flag wins over the environment, that over gateway.toml, and that over triptych.toml. gateway.toml has names of its own
because a wrapper reads it in a few milliseconds; `NAMES` says which common setting means the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..models.errors import ConfigError
from ..producers.gateway.config import GatewayConfig, configured, found, read, sections, usual
from ..producers.gateway.http.config import HttpConfig
from ..producers.gateway.spool.ship import ShipConfig
from . import brokers
from .loading import Loaded
from .settings import Settings

__all__ = ["NAMES", "file", "http", "servers", "shipper", "stdio", "tables"]

NAMES = {
    "server": "gateway.server",
    "principal": "gateway.principal",
    "spool_dir": "gateway.spool_dir",
    "lease_socket": "gateway.lease_socket",
    "allow": "gateway.allow",
    "pins": "gateway.pins",
    "on_failure": "gateway.on_failure",
    "dispatch_mode": "gateway.dispatch_mode",
    "replicas": "gateway.replicas",
    "ship": "gateway.ship",
    "key_file": "digest.key_file",
    "key_id": "digest.key_id",
    "host": "identity.host",
    "cluster": "identity.cluster",
    "sensitivity": "findings.sensitivity",
    "bootstrap": "kafka.bootstrap",
}
_SAID_NOW = ("env", "flag")


def file(settings: Settings) -> Path:
    """The settings file of this machine's gateways: the one that is found, else where one would be looked for first."""
    return settings.gateway.config or found(os.environ) or usual(os.environ)[0]


def tables(settings: Settings) -> dict[str, Any]:
    """What stands in that file; nothing where it is not there and nobody named it. Raises ConfigError."""
    path = file(settings)
    return read(path) if settings.gateway.config or path.exists() else {}


def servers(settings: Settings) -> list[str]:
    """The servers that have a section, each with settings that can work. Raises ConfigError."""
    own, defaults = tables(settings), {"spool_dir": settings.gateway.spool_dir, "command": ("server",)}
    for name, section in sections(own).items():
        kind = HttpConfig if "upstream" in section else GatewayConfig
        configured(kind, own, {"server": name}, defaults)
    configured(GatewayConfig, own, {}, defaults)
    return list(sections(own))


def stdio(loaded: Loaded, command: Sequence[str], server: str = "", principal: str = "") -> GatewayConfig:
    """A gateway before `command`; it runs without a key file, but its digests then match no other producer's."""
    given = {"command": tuple(command), "server": server or None, "principal": principal or None}
    defaults, overrides = _common(loaded)
    return configured(GatewayConfig, tables(loaded.settings), {**overrides, **_said(given)}, defaults)


def http(loaded: Loaded, server: str, upstream: str = "", listen: str = "") -> HttpConfig:
    """A gateway before the server at `upstream`, or at what its section says. Raises ConfigError."""
    given = {"server": server or None, "upstream": upstream or None, "listen": listen or None}
    defaults, overrides = _common(loaded)
    own = tables(loaded.settings)
    if not upstream and "upstream" not in {**own, **sections(own).get(server, {})}:
        known = [name for name, section in sections(own).items() if "upstream" in section]
        hint = f"--server {known[0]}" if known else "triptych gateway http --upstream http://127.0.0.1:3000/mcp"
        raise ConfigError(f"no upstream is known for the server {server!r}", hint)
    return configured(HttpConfig, own, {**overrides, **_said(given)}, defaults)


def shipper(loaded: Loaded) -> ShipConfig:
    """Raises ConfigError, or BrokerError K11 where no broker is named that others reach too."""
    defaults, overrides = _common(loaded)
    values = {**defaults, **tables(loaded.settings), **overrides}
    if not values.get("bootstrap"):
        brokers.external(loaded.settings.kafka)
    return ShipConfig(
        spool_dir=Path(values["spool_dir"]).expanduser(),
        bootstrap=str(values["bootstrap"]),
        properties={str(name): str(value) for name, value in values.get("kafka", {}).items()},
    )


def _common(loaded: Loaded) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the common settings say, in a gateway's own names: from files and defaults, and for this call only."""
    defaults: dict[str, Any] = {"kafka": loaded.settings.kafka.properties()}
    overrides: dict[str, Any] = {}
    for name, path in NAMES.items():
        section, _, key = path.partition(".")
        value = getattr(getattr(loaded.settings, section), key)
        now = loaded.sources.get(path) in _SAID_NOW
        if value is None or (name == "key_file" and not now and not value.exists()):
            continue
        (overrides if now else defaults)[name] = value
    if any(source in _SAID_NOW and name.startswith("kafka.") for name, source in loaded.sources.items()):
        overrides["kafka"] = defaults.pop("kafka")
    return defaults, overrides


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
