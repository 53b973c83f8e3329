"""Clients' settings and the gateways' own, together: what wrap, unwrap, init and status do with the files."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..models.errors import ConfigError
from ..producers.gateway.adoption.files import Held, hold, keep, replace
from ..producers.gateway.adoption.routes import Route, Routes, added
from ..producers.gateway.adoption.showing import difference, shown, shown_settings
from ..producers.gateway.adoption.starting import settings_text
from ..producers.gateway.adoption.stdio import Launcher
from ..producers.gateway.adoption.wrapping import Outcome, Rewriting, look, unwrap, wrap
from ..producers.gateway.config import read
from . import gateways, keys, ports
from .errors import ProgramError
from .loading import Loaded
from .section import state_home

__all__ = ["Change", "begin", "seen", "unwrapped", "wrapped"]

_PROGRAM = "triptych-gateway"
_SENSOR = Path("/run/triptych/lease.sock")  # where a sensor that runs as a service listens


@dataclass(frozen=True, slots=True)
class Change:
    """What would be written. `settings` are the gateways' own: their file, its text, and the text after, where it
    changes; a new file is shown by what wrapping adds to the comments it begins with.
    """

    client: Held
    rewriting: Rewriting
    settings: Path
    settings_before: str = ""
    settings_text: str | None = None
    routes: tuple[Route, ...] = ()
    """Servers that are dialled: each needs its gateway to run."""
    key: Path | None = None
    """The digest key, where the settings are new."""

    def lines(self) -> list[str]:
        """A unified diff of everything that changes, secrets hidden."""
        before, after = self.client.text, self.rewriting.text
        lines = difference(shown(before), shown(after), str(self.client.path))
        if self.settings_text is not None:
            before, after = shown_settings(self.settings_before), shown_settings(self.settings_text)
            lines += difference(before, after, str(self.settings), context=0)
        return lines

    def make(self) -> Path:
        """Write it; returns the backup of the client's file. Raises FileRefused."""
        if self.key is not None:
            keys.ensure(self.key)
        if self.settings_text is not None:
            _put(self.settings, self.settings_text)
        copy = keep(self.client, _backups())
        replace(self.client, self.rewriting.text.encode())
        return copy


def wrapped(loaded: Loaded, file: Path, names: Collection[str], *, force: bool) -> Change:
    """Gateways before the servers of a client's file. Raises ConfigError, ProgramError P01."""
    client, settings = hold(file), gateways.file(loaded.settings)
    tables = read(settings) if settings.exists() else {}
    spool = Path(tables.get("spool_dir", loaded.settings.gateway.spool_dir)).expanduser()
    routes = Routes(tables, str(spool), ports.is_free)
    launcher = Launcher(program=_program(), config=str(settings.absolute()), spool=str(spool))
    rewriting = wrap(client.text, launcher, routes, names, force=force)
    fresh = not settings.exists()
    before = _first_text(loaded, loaded.settings.digest.key_file) if fresh else settings.read_text()
    text = _with_routes(settings, before, routes) if rewriting.changed and (routes.new or fresh) else None
    key = loaded.settings.digest.key_file if fresh else None
    used = [routes.named(outcome.name) for outcome in rewriting.outcomes if outcome.changed]
    return Change(client, rewriting, settings, before, text, tuple(filter(None, used)), key)


def unwrapped(loaded: Loaded, file: Path, names: Collection[str]) -> Change:
    """The same file without gateways. Raises ConfigError."""
    client, settings = hold(file), gateways.file(loaded.settings)
    return Change(client, unwrap(client.text, Routes(gateways.tables(loaded.settings), ""), names), settings)


def seen(loaded: Loaded, file: Path) -> tuple[Outcome, ...]:
    """How each server of a client's file stands. Raises ConfigError."""
    return look(hold(file).text, Routes(gateways.tables(loaded.settings), ""))


def begin(loaded: Loaded, folder: Path | None = None, bootstrap: str = "") -> list[tuple[Path, bool]]:
    """Settings and key that gateways begin with, in `folder` or where they are looked for.

    Returns each file and whether it was made now: what is there is kept. Raises ConfigError, KeyFileError.
    """
    settings = folder / "gateway.toml" if folder else gateways.file(loaded.settings)
    key = folder / "digest.key" if folder else loaded.settings.digest.key_file
    made = [(key, not key.exists()), (settings, not settings.exists())]
    keys.ensure(key)
    if not settings.exists():
        _put(settings, _first_text(loaded, key, bootstrap))
    return made


def _first_text(loaded: Loaded, key: Path, bootstrap: str = "") -> str:
    section, kafka = loaded.settings.gateway, loaded.settings.kafka
    open_broker = kafka.bootstrap if kafka.security_protocol == "plaintext" else ""
    said = loaded.sources.get("gateway.lease_socket") and section.lease_socket
    return settings_text(
        key_file=key.absolute(),
        spool_dir=section.spool_dir.absolute(),
        lease_socket=(said or _SENSOR).absolute(),
        bootstrap=bootstrap or open_broker,
    )


def _with_routes(settings: Path, text: str, routes: Routes) -> str:
    try:
        return added(text, routes.new.values())
    except (ValueError, tomllib.TOMLDecodeError) as error:
        lines = [
            f"[servers.{name}] upstream={route.upstream} listen={route.listen}" for name, route in routes.new.items()
        ]
        raise ConfigError(f"{settings} cannot be added to: {error}", "add to it " + "; ".join(lines)) from None


def _put(path: Path, text: str) -> None:
    """Write settings of ours: a new file is for its owner only, one that is there keeps its mode."""
    if path.exists():
        held = hold(path)
        keep(held, _backups())
        replace(held, text.encode())
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "name a folder you may write: --dir") from None


def _backups() -> Path:
    return state_home() / "backups"


def _program() -> str:
    """The wrapper of this installation, by its absolute path. Raises ProgramError."""
    beside = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside) if beside.exists() else shutil.which(_PROGRAM)
    if not found:
        raise ProgramError(f"{_PROGRAM} is not installed beside {sys.executable}", "pip install triptych")
    return str(Path(found).absolute())
