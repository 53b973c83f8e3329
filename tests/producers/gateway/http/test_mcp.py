"""A real client and a real server of the MCP SDK over HTTP with the gateway between them: every transport and era."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.sse import sse_client
from patience import PATIENCE_S, until

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.http.assembly import Gateway
from triptych.producers.gateway.http.client import ClientConnection
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.spool.writer import Spool

Spooled = Callable[[], list[ProtocolEvent]]
CANARY = "CANARY2c9d"
SERVER = f"""
import socket, sys
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

app = MCPServer("real", version="1.2.3")

@app.tool()
async def read(path: str, context: Context) -> str:
    "Reads. {CANARY}-definition"
    await context.report_progress(1, 2)
    return "{CANARY}-result"

kind, listening = sys.argv[1], socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print(listening.getsockname()[1], flush=True)
made = {{
    "stream": app.streamable_http_app,
    "json": lambda: app.streamable_http_app(json_response=True),
    "stateless": lambda: app.streamable_http_app(stateless_http=True),
    "sse": app.sse_app,
}}[kind]()
uvicorn.Server(uvicorn.Config(made, log_level="error")).run(sockets=[listening])
"""


@contextlib.asynccontextmanager
async def _behind(tmp_path: Path, kind: str, endpoint: str) -> AsyncIterator[str]:
    """The gateway in front of a real server; where clients dial it."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    server = await asyncio.create_subprocess_exec(
        sys.executable, str(script), kind, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert server.stdout is not None
    port = int(await asyncio.wait_for(server.stdout.readline(), PATIENCE_S))
    spool = Spool(tmp_path / "spool", "instance", 1 << 30)
    upstream = f"http://127.0.0.1:{port}{endpoint}"
    gateway = Gateway(HttpConfig(upstream=upstream, server="files", spool_dir=tmp_path / "spool"), spool, "instance")
    front = await asyncio.get_running_loop().create_server(lambda: ClientConnection(gateway.proxy), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}"
        assert gateway.failures == {}
    finally:
        front.close()
        await gateway.stop()
        spool.close()
        server.kill()
        await server.wait()


ERAS = {"legacy": ("legacy", "2025-11-25"), "auto": ("modern", "2026-07-28")}


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("kind", ["stream", "json", "stateless"])
async def test_a_session_works_and_every_message_is_an_event(
    tmp_path: Path, spooled: Spooled, kind: str, mode: Any
) -> None:
    async with _behind(tmp_path, kind, "/mcp") as url, Client(url + "/mcp", mode=mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool("read", {"path": "/srv/app.toml"})
    assert [tool.name for tool in tools.tools] == ["read"]
    assert not result.is_error
    called = [event for event in spooled() if event.method == "tools/call" and event.kind != "notification"]
    assert [event.kind for event in called] == ["request", "response"]
    assert {(event.era, event.protocol_version) for event in called} == {ERAS[mode]}
    assert called[0].call_id == called[1].call_id
    assert called[0].server.pid > 0
    listed = next(event for event in spooled() if event.method == "tools/list" and event.kind == "response")
    assert [tool.name for tool in listed.tools] == ["read"]
    sessions = {event.http.session_digest for event in called if event.http}
    assert (sessions != {None}) is (mode == "legacy" and kind != "stateless")
    assert {anomaly for event in called for anomaly in event.anomalies} == set()
    assert CANARY.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())


async def test_the_older_pair_of_stream_and_post_works(tmp_path: Path, spooled: Spooled) -> None:
    async with _behind(tmp_path, "sse", "") as url, Client(sse_client(url + "/sse"), mode="legacy") as client:
        result = await client.call_tool("read", {"path": "/srv/app.toml"})
        await until(lambda: [event for event in spooled() if event.method == "tools/call" and event.kind == "response"])
    assert not result.is_error
    request, reply = (event for event in spooled() if event.method == "tools/call")
    assert (request.kind, reply.kind) == ("request", "response")
    assert request.call_id == reply.call_id
    assert (reply.era, reply.claimed_client) == ("legacy", request.claimed_client)
    assert not [event for event in spooled() if "unknown-response-id" in event.anomalies]
