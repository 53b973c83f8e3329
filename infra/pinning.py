"""Approving the tools of a server as they are now: the live server is asked, and what differs is told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..models.errors import ConfigError
from ..models.text import clean
from ..producers.gateway.adoption.asking import ask_launched, ask_listening
from ..producers.gateway.adoption.files import hold
from ..producers.gateway.adoption.launching import Reached, reached
from ..producers.gateway.adoption.routes import Routes
from ..producers.gateway.config import sections
from ..producers.gateway.policy.pins import Pins
from ..producers.gateway.stdio.server import child_environment
from . import gateways
from .loading import Loaded

__all__ = ["Pinned", "live"]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The pins of a live server, the file for them, and whether the gateways' settings name it already."""

    pins: Pins
    file: Path
    named: bool

    def changes(self) -> list[dict[str, str]]:
        """One row a tool: new, gone, changed and in what, or the same."""
        known = Pins.load(self.file).tools if self.file.exists() else {}
        rows = []
        for name in sorted(known.keys() | self.pins.tools.keys()):
            before, now = known.get(name), self.pins.tools.get(name)
            differs = " ".join(before.differs(now)) if before and now else ""
            state = "changed" if differs else "same" if before and now else "new" if now else "gone"
            rows.append({"tool": clean(name), "state": state, "in": differs})
        return rows


def live(loaded: Loaded, server: str, client: Path | None, file: Path | None, command: Sequence[str]) -> Pinned:
    """The tools that a server lists now: by its command, as in a client's file, or at its section's upstream.

    Raises ConfigError, and PinError G20 where it lists none.
    """
    tables = gateways.tables(loaded.settings)
    section = sections(tables).get(server, {})
    asked = _reached(server, client, command, str(section.get("upstream", "")), Routes(tables, ""))
    version, tools = (
        ask_launched(asked.command, _environment(loaded, asked))
        if asked.command
        else ask_listening(asked.url, asked.headers)
    )
    named = sections(tables).get(asked.name, {}).get("pins")
    usual = gateways.file(loaded.settings).with_name(f"{asked.name.replace('/', '_')}.pins.json")
    path = file or (Path(named).expanduser() if named else usual)
    return Pinned(Pins.of(asked.name, version, tools), path, bool(named))


def _environment(loaded: Loaded, asked: Reached) -> dict[str, str]:
    """As the gateway would launch it."""
    remove = gateways.stdio(loaded, asked.command, asked.name).child_env_remove
    return child_environment({**os.environ, **asked.environment}, remove)


def _reached(server: str, client: Path | None, command: Sequence[str], upstream: str, routes: Routes) -> Reached:
    if client is not None:
        return reached(hold(client).text, routes, server)
    name = server or (Path(command[0]).name if command else "")
    if not (command or upstream):
        raise ConfigError("no server is named", "triptych gateway pin --server NAME -- COMMAND, or --client FILE")
    return Reached(name=name, command=tuple(command), environment={}, url="" if command else upstream, headers={})
