"""A server on the reference SDK whose tools write down for which call they act: in the names of the files they make.

python -m triptych.infra.bench.attribution.tools FOLDER [--http PORT]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from mcp.server.mcpserver import MCPServer

__all__ = ["AFTER_S", "Tools", "main"]

AFTER_S = 0.1  # how long after its call a tool may still act
_NOBODY = 65534


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


class Tools:
    """Each makes files `<key>.<tool>.<part>` in its folder, in a way of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sync(self, key: str) -> str:
        """In whatever thread the SDK chooses."""
        _touch(self._file(key, "sync", "a"))
        return key

    async def interleaved(self, key: str) -> str:
        """On the event loop between other calls, in another task, and in a thread."""
        _touch(self._file(key, "interleaved", "a"))
        await asyncio.sleep(0.005)
        await asyncio.gather(self._later(key), asyncio.to_thread(_touch, self._file(key, "interleaved", "c")))
        return key

    async def _later(self, key: str) -> None:
        await asyncio.sleep(0.001)
        _touch(self._file(key, "interleaved", "b"))

    async def subprocess(self, key: str) -> str:
        """In a child that the call waits for."""
        first, second = self._file(key, "subprocess", "a"), self._file(key, "subprocess", "b")
        child = await asyncio.create_subprocess_exec("/bin/sh", "-c", f": > {first}; sleep 0.02; : > {second}")
        await child.wait()
        return key

    def daemon(self, key: str) -> str:
        """In a process of its own session, and in one that lost its parents, both after the reply."""
        session, orphan = self._file(key, "daemon", "a"), self._file(key, "daemon", "b")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.Popen(["/bin/sh", "-c", f"sleep {AFTER_S}; : > {session}"], start_new_session=True, **quiet)  # type: ignore[call-overload]
        forked = f"(setsid sh -c 'sleep {AFTER_S}; : > {orphan}' &)"
        subprocess.run(["/bin/sh", "-c", forked], check=True, **quiet)  # type: ignore[call-overload]
        return key

    async def threads(self, key: str) -> str:
        """In a pool of threads that calls share."""
        return await self._in(self._threads, key, "threads")

    async def workers(self, key: str) -> str:
        """In a pool of processes that calls share, started by whichever call comes first."""
        return await self._in(self._workers, key, "workers")

    def stray(self, key: str) -> str:
        """In a thread that acts when the call is long over."""
        threading.Timer(AFTER_S, _touch, [self._file(key, "stray", "a")]).start()
        return key

    async def _in(self, pool: Executor, key: str, tool: str) -> str:
        await asyncio.get_running_loop().run_in_executor(pool, _touch, self._file(key, tool, "a"))
        return key

    @cached_property
    def _threads(self) -> Executor:
        return ThreadPoolExecutor(4)

    @cached_property
    def _workers(self) -> Executor:
        return ProcessPoolExecutor(2)

    def _file(self, key: str, tool: str, part: str) -> str:
        return str(self._folder / f"{key}.{tool}.{part}")


def _server(tools: Tools) -> MCPServer[None]:
    server: MCPServer[None] = MCPServer("attribution", log_level="ERROR")
    shown: list[Callable[..., object]] = [tools.sync, tools.interleaved, tools.subprocess, tools.daemon]
    for tool in (*shown, tools.threads, tools.workers, tools.stray):
        server.tool()(tool)
    return server


def main() -> None:
    """Serve until the client closes stdin; over HTTP as nobody, until SIGTERM."""
    parser = argparse.ArgumentParser(prog="attribution.tools", description="The attribution benchmark's MCP server.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--http", type=int, metavar="PORT")
    options = parser.parse_args()
    server = _server(Tools(options.folder))
    if options.http is None:
        server.run("stdio")
        return
    os.setuid(_NOBODY)  # a sensor believes a gateway about servers of other users only
    server.run("streamable-http", host="127.0.0.1", port=options.http, stateless_http=True, json_response=True)


if __name__ == "__main__":
    main()
