"""The SDK's client and server with the wrapper between them, on every way through it and in both eras."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from patience import until

from triptych.models.events import ProtocolEvent

Spooled = Callable[[], list[ProtocolEvent]]
SERVER = """
import asyncio, os
from mcp.server import MCPServer

app = MCPServer("real", version="1.2.3")

@app.tool()
async def wait(file: str) -> str:
    "Waits for a file."
    while not os.path.exists(file):
        await asyncio.sleep(0.01)
    return str(os.getpid())

@app.tool()
def other() -> str:
    "Does something else."
    return "done"

@app.resource("note://one")
def note() -> str:
    return "text"

app.run()
"""
WAYS: dict[str, dict[str, Any]] = {
    "policy": {"allow": ["wait"]},
    "serialised": {"dispatch_mode": "serialised"},
    "replica": {"dispatch_mode": "replica", "replicas": 2},
}
ERAS = {"legacy": "legacy", "auto": "modern"}


def behind(folder: Path, settings: dict[str, Any]) -> StdioServerParameters:
    server, file = folder / "server.py", folder / "gateway.json"
    server.write_text(SERVER)
    file.write_text(json.dumps({"spool_dir": str(folder / "spool"), **settings}))
    gateway = ["-m", "triptych.producers.gateway.stdio.main", "--config", str(file), "--"]
    return StdioServerParameters(command=sys.executable, args=[*gateway, sys.executable, str(server)])


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("way", WAYS)
async def test_a_session_with_calls_at_the_same_time_works(
    tmp_path: Path, spooled: Spooled, way: str, mode: Any
) -> None:
    at_once = {"serialised": 1, "replica": 2 if mode == "auto" else 4}.get(way, 4)
    async with Client(stdio_client(behind(tmp_path, WAYS[way])), mode=mode) as client:
        tools = await client.list_tools()
        calls = [asyncio.ensure_future(client.call_tool("wait", {"file": str(tmp_path / "go")})) for _ in range(4)]
        await until(lambda: len(called(spooled)) == at_once)
        (tmp_path / "go").touch()
        results = await asyncio.gather(*calls)
        read = await client.read_resource("note://one")
    assert [tool.name for tool in tools.tools] == ["wait", "other"]
    assert not any(result.is_error for result in results)
    assert len(read.contents) == 1
    processes = {result.content[0].text for result in results}
    assert len(processes) == (2 if at_once == 2 else 1)
    assert {event.era for event in called(spooled)} == {ERAS[mode]}
    assert max(len(event.in_flight) for event in called(spooled)) == (4 if at_once == 4 else 1)


def called(spooled: Spooled) -> list[ProtocolEvent]:
    """What was forwarded of the calls that wait."""
    return [event for event in spooled() if event.tool == "wait" and event.kind == "request"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_refused_call_is_an_error_and_the_session_goes_on(tmp_path: Path, mode: Any) -> None:
    async with Client(stdio_client(behind(tmp_path, WAYS["policy"])), mode=mode) as client:
        with pytest.raises(Exception, match="blocked by the gateway's policy"):
            await client.call_tool("other", {})
        result = await client.call_tool("wait", {"file": "/"})
    assert not result.is_error
