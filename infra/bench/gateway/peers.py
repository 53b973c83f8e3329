"""Proxies of others, each in an environment of its own with every version pinned, so that they stay comparable."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import BenchError
from .place import module

__all__ = ["FASTMCP", "MCP_PROXY", "PEERS", "Peers", "install", "installed", "versions"]

PEERS = (MCP_PROXY, FASTMCP) = ("mcp-proxy", "fastmcp")
_HOME = Path(__file__).resolve().parents[3] / ".triptych" / "bench"
_PINS = Path(__file__).parent / "pins"
_STAMP = ".pins"  # holds the digest of what was installed
_INSTALL_S = 600


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
    pins = {name: (_PINS / f"{name}.txt").read_text().split() for name in PEERS}
    return {name: next(pin.split("==")[1] for pin in pins[name] if pin.startswith(f"{name}==")) for name in PEERS}


def install(tell: Callable[[str], None], home: Path = _HOME) -> dict[str, Path]:
    """The programs by name, installed where they are not yet. Raises BenchError B02."""
    for name in PEERS:
        if not _current(name, home):
            tell(f"installing {name}")
            _install(name, home / name)
    return installed(home)


def installed(home: Path = _HOME) -> dict[str, Path]:
    """Those that are there, with the versions of today's pins."""
    return {name: home / name / "bin" / name for name in PEERS if _current(name, home)}


def _current(name: str, home: Path) -> bool:
    stamp = home / name / _STAMP
    return stamp.exists() and stamp.read_text() == _digest(name)


def _digest(name: str) -> str:
    return hashlib.sha256((_PINS / f"{name}.txt").read_bytes()).hexdigest()


def _install(name: str, environment: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    python, pins = str(environment / "bin" / "python"), str(_PINS / f"{name}.txt")
    if uv := shutil.which("uv"):
        _run(name, uv, "venv", "-q", "--python", sys.executable, str(environment))
        _run(name, uv, "pip", "install", "-q", "--python", python, "-r", pins)
    else:
        _run(name, sys.executable, "-m", "venv", str(environment))
        _run(name, python, "-m", "pip", "install", "-q", "-r", pins)
    (environment / _STAMP).write_text(_digest(name))


def _run(name: str, *argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_INSTALL_S)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(f"{name} cannot be installed: {last[:200]}", "--quick takes what is installed", code="B02")
