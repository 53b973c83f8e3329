"""A real client and a real server of the MCP SDK, with the wrapper between them, in both eras of the protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

from triptych.models.events import ProtocolEvent

Spooled = Callable[[], list[ProtocolEvent]]
CANARY = "CANARY5d1f"
SERVER = f"""
import os
from mcp.server import MCPServer

app = MCPServer("real", version="1.2.3")

@app.tool(annotations={{"readOnlyHint": True}})
def read(path: str, token: str = "") -> str:
    "Reads. {CANARY}-definition"
    return "{CANARY}-result " + os.environ["PLANTED"]

@app.tool()
def die() -> str:
    "Dies."
    os._exit(3)

app.run()
"""
ERAS = {"legacy": ("legacy", "2025-11-25"), "auto": ("modern", "2026-07-28")}


@pytest.fixture
def behind(tmp_path: Path) -> StdioServerParameters:
    server = tmp_path / "server.py"
    server.write_text(SERVER)
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    arguments = [
        "-m",
        "triptych.producers.gateway.stdio.main",
        "--spool",
        str(tmp_path / "spool"),
        "--key-file",
        str(key),
    ]
    arguments += ["--server", "files", "--", sys.executable, str(server)]
    return StdioServerParameters(command=sys.executable, args=arguments, env={"PLANTED": f"{CANARY}-environment"})


@pytest.mark.parametrize("mode", ERAS)
async def test_a_session_works_and_every_message_is_an_event(
    behind: StdioServerParameters, spooled: Spooled, mode: Any
) -> None:
    async with Client(stdio_client(behind), mode=mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool("read", {"path": "app.toml"})
    assert [tool.name for tool in tools.tools] == ["read", "die"]
    assert not result.is_error
    listed, called = (
        [event for event in spooled() if event.method == method] for method in ("tools/list", "tools/call")
    )
    assert [event.kind for event in listed + called] == ["request", "response"] * 2
    assert {(event.era, event.protocol_version) for event in listed + called} == {ERAS[mode]}
    assert [(tool.name, tool.read_only) for tool in listed[1].tools] == [("read", True), ("die", None)]
    assert called[0].call_id == called[1].call_id != listed[0].call_id
    assert (called[1].server.claimed_name, called[1].server.claimed_version) == ("real", "1.2.3")
    assert all(event.anomalies == () for event in spooled())


@pytest.mark.parametrize("mode", ERAS)
async def test_a_tool_that_takes_the_server_down_is_an_incident_of_its_call(
    behind: StdioServerParameters, spooled: Spooled, mode: Any
) -> None:
    with pytest.raises((MCPError, ExceptionGroup)):
        async with Client(stdio_client(behind), mode=mode) as client:
            await client.call_tool("die", {})
    (request,) = [event for event in spooled() if event.tool == "die" and event.kind == "request"]
    (incident,) = [event for event in spooled() if event.kind == "transport"]
    assert incident.call_id == request.call_id
    assert incident.anomalies == ("exit-status-3", "server-exited")


async def test_no_planted_text_reaches_the_spool(behind: StdioServerParameters, tmp_path: Path) -> None:
    async with Client(stdio_client(behind)) as client:
        await client.list_tools()
        await client.call_tool("read", {"path": f"/{CANARY}/path", "token": f"{CANARY}-token"})
    kept = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    assert b"tools/call" in kept
    assert CANARY.encode() not in kept
