"""Effects of a server that listens belong to the HTTP call that caused them: gateway, sensor and server are real."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S, eventually

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.http.assembly import Gateway
from triptych.producers.gateway.http.client import ClientConnection
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import HEAD
from triptych.producers.gateway.spool.writer import Spool, split

from .conftest import Running, Start

pytestmark = pytest.mark.kernel

NOBODY = 65534
FILES = ["/etc/hostname", "/etc/passwd", "/etc/group", "/etc/fstab", "/etc/services"]
SERVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        open(call["params"]["arguments"]["path"], "rb").close()
        body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@asynccontextmanager
async def _gateway(running: Running, folder: Path) -> AsyncIterator[int]:
    """The port of a gateway before a server of another user, who could not forge what the sensor is told."""
    server = subprocess.Popen(  # noqa: ASYNC220
        ["/usr/bin/python3", "-S", "-c", SERVER], user=NOBODY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    port = int(await asyncio.to_thread(server.stdout.readline))
    spool = Spool(folder, "instance", 1 << 30)
    waits: dict[str, Any] = {"attach_ms": 60_000, "ready_ms": 60_000}
    upstream = f"http://127.0.0.1:{port}/mcp"
    config = HttpConfig(upstream=upstream, spool_dir=folder, lease_socket=running.socket, **waits)
    gateway = Gateway(config, spool, "instance")
    front = await asyncio.get_running_loop().create_server(lambda: ClientConnection(gateway.proxy), "127.0.0.1", 0)
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        front.close()
        await gateway.stop()
        spool.close()
        server.kill()
        server.communicate()


async def _call(port: int, number: int, path: str) -> None:
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call"}
    body = json.dumps({**message, "params": {"name": "read", "arguments": {"path": path}}}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"HTTP/1.1 200 OK\r\n"
    await reader.readuntil(b"result")
    writer.close()


def _requests(folder: Path) -> list[ProtocolEvent]:
    events = Events()
    found: list[ProtocolEvent] = []
    for path in folder.glob("*.spool"):
        for record in split(path.read_bytes())[0]:
            if record.startswith(HEAD):
                events.learn(record)
            else:
                found.append(events.read(record))
    return [event for event in found if event.kind == "request"]


@pytest.mark.skipif(os.getuid() != 0, reason="another user's server needs root")
async def test_each_file_is_bound_to_the_http_call_that_opened_it(start: Start, tmp_path: Path) -> None:
    running = start(lease_users=(0,))
    async with _gateway(running, tmp_path / "spool") as port:
        for number, path in enumerate(FILES):
            await _call(port, number, path)
        await asyncio.to_thread(eventually, lambda: running.told.count("open", lambda event: event.path == FILES[-1]))
    requests = _requests(tmp_path / "spool")
    assert {request.lease for request in requests} == {"granted"}
    assert {request.workload for request in requests} == {batch.workload for batch in running.told.batches}
    for request, path in zip(requests, FILES, strict=True):
        (seen,) = running.told.events("open", lambda event, path=path: event.path == path)
        assert [call.call_id for call in seen.calls] == [request.call_id]
        assert seen.event.evidence == "leased"
