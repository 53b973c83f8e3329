"""Settings of one stdio gateway: from a TOML or JSON file, overridden by arguments. Clients pass hardly any environment
on, so the environment only names the file. Imports nothing heavy: this stands on the way to the first byte.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ...models import topics
from ...models.errors import ConfigError
from .policy.config import OnFailure, PolicyConfig

if TYPE_CHECKING:
    from ...models.events import DispatchMode

__all__ = ["SERVERS", "GatewayConfig", "configured", "found", "load", "read", "sections", "usual"]

C = TypeVar("C")
SERVERS = "servers"  # the table of a settings file with a section for each server
_CHOICES = {
    "dispatch_mode": ("concurrent", "serialised", "replica"),
    "ship": ("off", "auto"),
}
_SCALARS = {"int": int, "bool": bool, "str": str}
_SETTINGS = "compare it with producers/gateway/adoption/README.md"
_AT_LEAST_ONE = ("replicas", "ready_ms", "attach_ms", "inspect_bytes", "spool_bytes")


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
    allow: tuple[str, ...] | None = None  # tools that may be called, as shell patterns; None forbids nothing
    pins: Path | None = None  # approved tool definitions; None accepts any
    on_failure: OnFailure = "closed"  # what becomes of a message that allow or pins cannot judge
    dispatch_mode: DispatchMode = "concurrent"
    replicas: int = 4  # processes of the server at most, in replica mode
    ship: Literal["off", "auto"] = "off"  # auto starts a shipper for the spool where none runs
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
        self.policy  # noqa: B018  # what cannot be meant is refused now
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} is {getattr(self, name)!r}", "choose " + " or ".join(choices))
        if self.ship == "auto" and not self.bootstrap:
            raise ConfigError("ship is auto and bootstrap is empty", "name a broker, or set ship to off")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, at least 1 is needed")

    @property
    def server_id(self) -> str:
        return self.server or Path(self.command[0]).name

    @property
    def policy(self) -> PolicyConfig:
        return PolicyConfig(allow=self.allow, pins=self.pins, on_failure=self.on_failure)


def load(file: Path | None, overrides: Mapping[str, Any], defaults: Mapping[str, Any]) -> GatewayConfig:
    """`defaults`, then the settings of `file`, then what in `overrides` is not None. Raises ConfigError."""
    return configured(GatewayConfig, read(file) if file else {}, overrides, defaults)


def configured(
    kind: type[C], tables: Mapping[str, Any], overrides: Mapping[str, Any], defaults: Mapping[str, Any]
) -> C:
    """The settings of one gateway: `defaults`, the general ones in `tables`, those of its server there, `overrides`.

    One file serves gateways of both kinds, so what only the other kind knows is left out. Raises ConfigError.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    general = {name: value for name, value in tables.items() if name != SERVERS}
    server = _name({**defaults, **general, **given})
    section = sections(tables).get(server, {})
    values = {**defaults, **general, **section, **given, "server": server}
    hints = {item.name: str(item.type) for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := values.keys() - hints.keys():
        _refuse_unknown(unknown, hints.keys())
    fitted = {name: _fitted(name, hints[name], value) for name, value in values.items() if name in hints}
    try:
        return kind(**fitted)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"gateway settings do not fit: {error}", _SETTINGS) from error


def usual(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a machine keeps the settings of its gateways: the user's, then everybody's."""
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    own = os.path.expanduser(f"{home}/triptych/gateway.toml")  # noqa: PTH111  # Path's own raises without a home
    return Path(own), Path("/etc/triptych/gateway.toml")


def found(environment: Mapping[str, str]) -> Path | None:
    """The settings file that nobody named by an argument; None where there is none."""
    if named := environment.get("TRIPTYCH_GATEWAY_CONFIG"):
        return Path(named)
    return next((path for path in usual(environment) if path.is_file()), None)


def read(file: Path) -> dict[str, Any]:
    """The tables of a settings file, TOML or JSON. Raises ConfigError."""
    try:
        text = file.read_text()
        if file.suffix == ".json":
            import json  # noqa: PLC0415

            tables = json.loads(text)
        else:
            import tomllib  # noqa: PLC0415  # 5 ms that a gateway without a file does not wait for

            tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"gateway settings in {file} cannot be read: {error}", "TOML, or JSON in a .json file"
        ) from error
    if not isinstance(tables, dict):
        raise ConfigError(
            f"gateway settings in {file} are no table", "write name = value, as triptych gateway init does"
        )
    return tables


def sections(tables: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The section of each server in a settings file. Raises ConfigError where it is no table."""
    found: Mapping[str, Mapping[str, Any]] = tables.get(SERVERS, {})
    for name, section in found.items() if isinstance(found, dict) else [(SERVERS, found)]:
        if not isinstance(section, dict):
            raise ConfigError(f"{name!r} under {SERVERS} is no table", f"write [{SERVERS}.{name}]")
        if "server" in section or SERVERS in section:
            raise ConfigError(f"[{SERVERS}.{name}] names another server", "a section's name is its server's")
    return found


def _name(values: Mapping[str, Any]) -> str:
    """The server's name, as far as it is known before the settings are complete; of no type in particular."""
    command = values.get("command")
    return str(values.get("server") or (Path(command[0]).name if command else ""))


def _refuse_unknown(unknown: Set[str], known: Set[str]) -> None:
    """Raise ConfigError for the first name that neither kind of gateway has."""
    from .http.config import HttpConfig  # noqa: PLC0415  # only where a file serves both kinds, or is wrong

    names = known | {item.name for kind in (GatewayConfig, HttpConfig) for item in fields(kind)}
    if wrong := sorted(unknown - names):
        raise ConfigError(f"unknown gateway setting {wrong[0]!r}", "known are " + ", ".join(sorted(names)))


def _fitted(name: str, hint: str, value: Any) -> Any:
    try:
        return _typed(hint, value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the gateway setting {name} does not fit: {error}", _SETTINGS) from error


def _typed(hint: str, value: Any) -> Any:
    """A value of a settings file in the type of its field."""
    if hint.startswith("tuple"):
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is no list")
        if not all(isinstance(item, str | Path) for item in value):
            raise TypeError(f"{value!r} is no list of texts")
        return tuple(_at_home(item) if "Path" in hint else item for item in value)
    if hint.startswith("Path"):
        return _at_home(value)
    if hint.startswith("Mapping"):
        return {str(name): str(item) for name, item in dict(value).items()}
    if hint in _SCALARS and type(value) is not _SCALARS[hint]:
        raise TypeError(f"{value!r} is no {hint}")
    return value


def _at_home(path: str | Path) -> Path:
    if not isinstance(path, str | Path):
        raise TypeError(f"{path!r} is no path")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{path} begins with a home that this system does not know") from None
