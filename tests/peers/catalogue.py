"""The servers and clients of others, as commands: what each is started with and asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.infra.conformance import peers

__all__ = ["CLIENTS", "PROGRAMS", "SERVERS", "Client", "Place", "Server", "node_program"]

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Place:
    """Folders of one test: what servers may touch, and our Node programs beside the packages they import."""

    files: Path
    programs: Path
    site: str
    """URL of a page on loopback."""


@dataclass(frozen=True)
class Server:
    """A stdio server: its command, and a tool call whose result is the same every time."""

    command: Callable[[Place], list[str]]
    tool: str
    arguments: Callable[[Place], dict[str, Any]]

    def call(self, place: Place) -> str:
        return json.dumps({"name": self.tool, "arguments": self.arguments(place)})


@dataclass(frozen=True)
class Client:
    """A client: its command for a server's command or URL (as text) and a call (as JSON)."""

    command: Callable[[Place, str, str], list[str]]
    stdio: bool = True


def node_program(place: Place, program: str) -> list[str]:
    return [peers.node("conformance")[0], str(place.programs / program)]


def _python(kind: str, mode: str) -> Callable[[Place, str, str], list[str]]:
    script = str(PROGRAMS / "client_python.py")
    return lambda place, target, call: [peers.python("python"), script, kind, mode, target, call]


def _typescript(mode: str) -> Callable[[Place, str, str], list[str]]:
    return lambda place, target, call: [*node_program(place, "client2.mjs"), mode, target, call]


def _typescript_1(place: Place, target: str, call: str) -> list[str]:
    kind = "stdio" if target.startswith("[") else "sse" if target.endswith("/sse") else "http"
    return [*node_program(place, "client1.mjs"), kind, target, call]


def _inspector(place: Place, target: str, call: str) -> list[str]:
    wanted = json.loads(call)
    pairs = [f"{name}={json.dumps(value)}" for name, value in wanted["arguments"].items()]
    where = json.loads(target) if target.startswith("[") else ["--server-url", target, "--transport", "http"]
    how = ["--method", "tools/call", "--tool-name", wanted["name"], *(["--tool-arg", *pairs] if pairs else [])]
    return [*peers.node("mcp-inspector"), "--cli", *how, *(["--", *where] if target.startswith("[") else where)]


def _remote(place: Place, target: str, call: str) -> list[str]:
    """A client that only speaks stdio, behind a bridge of others to HTTP."""
    settings = f"MCP_REMOTE_CONFIG_DIR={place.files.with_name('mcp-remote')}"
    bridge = ["env", settings, *peers.node("mcp-remote"), target, "--allow-http", "--transport", "http-only"]
    return _python("sdk", "legacy")(place, json.dumps(bridge), call)


CLIENTS = {
    "python": Client(_python("sdk", "auto")),
    "python-legacy": Client(_python("sdk", "legacy")),
    "fastmcp": Client(_python("fastmcp", "auto")),
    "typescript-2": Client(_typescript("auto")),
    "typescript-1": Client(_typescript_1),
    "inspector": Client(_inspector),
    "mcp-remote": Client(_remote, stdio=False),
}
SERVERS = {
    "everything": Server(
        lambda place: [*peers.node("mcp-server-everything"), "stdio"], "echo", lambda place: {"message": "hello"}
    ),
    "filesystem": Server(
        lambda place: [*peers.node("mcp-server-filesystem"), str(place.files)],
        "read_text_file",
        lambda place: {"path": str(place.files / "a.txt")},
    ),
    "memory": Server(lambda place: peers.node("mcp-server-memory"), "read_graph", lambda place: {}),
    "sequential-thinking": Server(
        lambda place: peers.node("mcp-server-sequential-thinking"),
        "sequentialthinking",
        lambda place: {"thought": "one", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1},
    ),
    "typescript-2": Server(lambda place: node_program(place, "server2.mjs"), "echo", lambda place: {"text": "hello"}),
    "git": Server(
        lambda place: [peers.python("mcp-server-git"), "--repository", str(place.files)],
        "git_log",
        lambda place: {"repo_path": str(place.files)},
    ),
    "time": Server(
        lambda place: [peers.python("mcp-server-time"), "--local-timezone", "UTC"],
        "convert_time",
        lambda place: {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"},
    ),
    "fetch": Server(
        lambda place: [peers.python("mcp-server-fetch"), "--allow-private-ips"],
        "fetch",
        lambda place: {"url": place.site},
    ),
    "sqlite": Server(
        lambda place: [peers.python("mcp-server-sqlite", peers.PYTHON_LEGACY), "--db-path", str(place.files / "db")],
        "read_query",
        lambda place: {"query": "SELECT 6 * 7 AS answer"},
    ),
    "triptych-everything": Server(
        lambda place: [sys.executable, "-m", "triptych.infra.conformance.everything", "--stdio"],
        "test_simple_text",
        lambda place: {},
    ),
}
