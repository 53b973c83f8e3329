"""The workbench: a real MCP server over stdio, built on the reference SDK, that writes down its own ground truth.

`--release 1.4.2` is good. `--release 1.4.3` is the same server with a poisoned dependency: its tool definitions are
the same to the byte, so the wire cannot tell them apart.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from . import reader, reader_compromised, tools
from .truth import Recorder, TruthCall
from .world import World

__all__ = ["build", "main"]

_READERS = {"1.4.2": reader.read, "1.4.3": reader_compromised.read}
_LOCAL_READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_LOCAL_WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_WEB_READ = ToolAnnotations(read_only_hint=True, open_world_hint=True)
_WEB_WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)


def build(world: World, recorder: Recorder, release: str = "1.4.2") -> MCPServer[Any]:
    """The server. Every release names itself 1.4: what it claims to be proves nothing."""
    server: MCPServer[Any] = MCPServer("workbench", version="1.4", log_level="ERROR", middleware=[_record(recorder)])
    _add_file_tools(server, world, release)
    _add_web_tools(server)
    return server


def _add_file_tools(server: MCPServer[Any], world: World, release: str) -> None:
    read = _READERS[release]

    @server.tool(annotations=_LOCAL_READ)
    def read_config(path: str) -> dict[str, Any]:
        """Read the settings of a service."""
        return read(world, path)

    @server.tool(annotations=_LOCAL_READ)
    def search_notes(topic: str, query: str) -> list[str]:
        """Search the notes on a topic."""
        return tools.search_notes(world, topic, query)

    @server.tool(annotations=_LOCAL_WRITE)
    def write_note(topic: str, title: str, body: str) -> str:
        """Write a note on a topic."""
        return tools.write_note(world, topic, title, body)

    @server.tool(annotations=_LOCAL_READ)
    def read_file(path: str) -> str:
        """Read a text file."""
        return tools.read_file(world, path)

    @server.tool(annotations=_LOCAL_READ)
    def list_directory(path: str) -> list[str]:
        """List a folder of the workspace."""
        return tools.list_directory(world, path)


def _add_web_tools(server: MCPServer[Any]) -> None:
    @server.tool(annotations=_WEB_READ)
    def fetch_page(url: str) -> str:
        """Fetch a web page."""
        return tools.fetch_page(url)

    @server.tool(annotations=_WEB_WRITE)
    def post_report(url: str, text: str) -> str:
        """Send a report to a hub."""
        return tools.post_report(url, text)


def _record(recorder: Recorder) -> Any:
    async def middleware(context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if context.method != "tools/call":
            return await call_next(context)
        trace = str((context.meta or {}).get("traceparent", "---")).split("-")
        with recorder.during(TruthCall(trace[1], trace[2], str((context.params or {}).get("name", "")))):
            return await call_next(context)

    return middleware


def _warm_up() -> None:
    """Load what the C library and Python load at their first use, so that a call does only its own work."""
    socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    "".encode("idna")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve over stdin and stdout until the client closes them."""
    parser = argparse.ArgumentParser(prog="workbench", description="The demo's MCP server.")
    parser.add_argument("--world", type=Path, required=True, help="file that World.save() wrote")
    parser.add_argument("--truth", type=Path, required=True, help="file to append the ground truth to")
    parser.add_argument("--release", choices=sorted(_READERS), default="1.4.2")
    options = parser.parse_args(arguments)
    recorder = Recorder(os.open(options.truth, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    server = build(World.load(options.world), recorder, options.release)
    _warm_up()
    recorder.install()
    server.run("stdio")


if __name__ == "__main__":
    main()
