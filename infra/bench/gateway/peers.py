"""Proxies of others, each in an environment of its own with every version pinned, so that they stay comparable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ..environments import HOME, Environment
from .place import module

__all__ = ["FASTMCP", "MCP_PROXY", "PEERS", "Peers", "install", "installed", "versions"]

PEERS = (MCP_PROXY, FASTMCP) = ("mcp-proxy", "fastmcp")
_PINS = Path(__file__).parent / "pins"


class Peers:
    """Their command lines. `folder` holds what they need to be told by a file."""

    def __init__(self, programs: Mapping[str, Path], folder: Path) -> None:
        self._programs, self._folder = programs, folder

    @property
    def names(self) -> list[str]:
        return list(self._programs)

    def stdio(self, name: str, upstream: int) -> list[str]:
        """In front of an echo server: mcp-proxy of an HTTP one, as it speaks stdio to clients in no other way."""
        program = str(self._programs[name])
        if name == MCP_PROXY:
            quiet = ("--transport", "streamablehttp", "--log-level", "ERROR")
            return [program, *quiet, f"http://127.0.0.1:{upstream}/mcp"]
        command, *arguments = module("echo_stdio")
        servers = {"mcpServers": {"echo": {"command": command, "args": arguments}}}
        settings = self._folder / "fastmcp.json"
        settings.write_text(json.dumps(servers))
        return [program, "run", str(settings), "--no-banner", "--log-level", "ERROR"]

    def http(self, name: str, upstream: int, port: int) -> list[str]:
        """Listening on `port`: mcp-proxy in front of a stdio server, as it has no other way."""
        program = str(self._programs[name])
        if name == MCP_PROXY:
            return [program, "--port", str(port), "--log-level", "ERROR", "--", *module("echo_stdio")]
        listen = ("--transport", "http", "--port", str(port), "--path", "/mcp")
        return [program, "run", f"http://127.0.0.1:{upstream}/mcp", *listen, "--no-banner", "--log-level", "ERROR"]


def versions() -> dict[str, str]:
    """The pinned version of each peer itself."""
    return {name: _environment(name).version for name in PEERS}


def install(tell: Callable[[str], None], home: Path = HOME) -> dict[str, Path]:
    """The programs by name, installed where they are not yet. Raises BenchError B02."""
    for name in PEERS:
        _environment(name, home).install(tell)
    return installed(home)


def installed(home: Path = HOME) -> dict[str, Path]:
    """Those that are there, with the versions of today's pins."""
    environments = [_environment(name, home) for name in PEERS]
    return {one.name: one.folder / "bin" / one.name for one in environments if one.current}


def _environment(name: str, home: Path = HOME) -> Environment:
    return Environment(name=name, pins=_PINS / f"{name}.txt", home=home)
