"""`python -m triptych.infra.conformance.everything [--stdio]`: over HTTP it prints its address once it listens."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.stdio import stdio_server

from .replay import Memory
from .server import build

_RETRY_MS = 100


async def _stdio() -> None:
    server = build()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options(NotificationOptions()))


def _http() -> None:
    app = build().streamable_http_app(event_store=Memory(), retry_interval=_RETRY_MS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    if "--stdio" in sys.argv[1:]:
        asyncio.run(_stdio())
    else:
        _http()
