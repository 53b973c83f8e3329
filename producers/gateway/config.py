"""Settings of one stdio gateway: from a TOML or JSON file, overridden by arguments. Clients pass hardly any environment
on, so the environment only names the file. Imports nothing heavy: this stands on the way to the first byte.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ...models import topics
from ...models.errors import ConfigError
from ...models.events import DispatchMode

__all__ = ["GatewayConfig", "load"]

Ship = Literal["off", "auto"]
_MODES = ("concurrent", "serialised")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """One gateway in front of one server. Times in milliseconds, sizes in bytes."""

    command: tuple[str, ...]
    spool_dir: Path
    server: str = ""  # the operator's name of the server; empty takes the name of the command
    principal: str = ""  # label of whoever uses this gateway; empty takes the operating system's user
    lease_socket: Path | None = None  # of the node's sensor
    key_file: Path | None = None  # of the digest key; without it digests cannot be compared with other producers'
    key_id: str = ""  # derived from the key when empty
    host: str = ""
    cluster: str = ""
    dispatch_mode: DispatchMode = "concurrent"
    ship: Ship = "off"  # auto starts a shipper for the spool where none runs
    bootstrap: str = ""
    topic: str = topics.PROTOCOL
    kafka: Mapping[str, str] = field(default_factory=dict)  # librdkafka properties for the shipper
    sensitivity: tuple[Path, ...] = ()  # further files of path classes
    child_env_remove: tuple[str, ...] = ()  # names besides TRIPTYCH_*; a trailing * stands for any rest
    ready_ms: int = 250
    attach_ms: int = 1000
    inspect_bytes: int = 8 << 20
    spool_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if not self.command:
            raise ConfigError(
                "no command to run",
                "put the server's command behind --, as in: triptych-gateway -- python server.py",
                code="G01",
            )
        if self.dispatch_mode not in _MODES:
            raise ConfigError(f"dispatch_mode is {self.dispatch_mode!r}", "choose " + " or ".join(_MODES))
        if self.ship not in get_args(Ship):
            raise ConfigError(f"ship is {self.ship!r}", "choose off or auto")
        if self.ship == "auto" and not self.bootstrap:
            raise ConfigError("ship is auto and bootstrap is empty", "name a broker, or set ship to off")
        for name in ("ready_ms", "attach_ms", "inspect_bytes", "spool_bytes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, at least 1 is needed")

    @property
    def server_id(self) -> str:
        return self.server or Path(self.command[0]).name


def load(file: Path | None, overrides: Mapping[str, Any], defaults: Mapping[str, Any]) -> GatewayConfig:
    """`defaults`, then the settings of `file`, then what in `overrides` is not None. Raises ConfigError."""
    values = {
        **defaults,
        **(_read(file) if file else {}),
        **{name: value for name, value in overrides.items() if value is not None},
    }
    hints = {item.name: item.type for item in fields(GatewayConfig)}
    if unknown := sorted(values.keys() - hints.keys()):
        raise ConfigError(f"unknown gateway setting {unknown[0]!r}", "known are " + ", ".join(sorted(hints)))
    try:
        return GatewayConfig(**{name: _typed(str(hints[name]), value) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"gateway settings do not fit: {error}", "compare them with the gateway's README") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text()
        return cast(dict[str, Any], json.loads(text) if file.suffix == ".json" else tomllib.loads(text))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"gateway settings in {file} cannot be read: {error}", "TOML, or JSON in a .json file"
        ) from error


def _typed(hint: str, value: Any) -> Any:
    """A value of a settings file in the type of its field."""
    if hint.startswith("tuple"):
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is no list")
        return tuple(Path(item) if "Path" in hint else str(item) for item in value)
    if hint.startswith("Path"):
        return Path(value).expanduser()
    if hint.startswith("Mapping"):
        return {str(name): str(item) for name, item in dict(value).items()}
    if hint == "int" and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{value!r} is no whole number")
    return value
