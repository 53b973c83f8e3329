"""Calls at the same time: over stdio through one pipe, over HTTP by one connection for each that may be in flight."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from ..errors import BenchError
from .judge import Asked

__all__ = ["Call", "over_http", "over_stdio"]

_MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_LEGACY = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tools/call. Its number is its JSON-RPC id, and its trace id, by which the sensor's word leads back to it."""

    number: int
    tool: str
    arguments: dict[str, Any]

    def message(self, *, modern: bool) -> bytes:
        meta: dict[str, Any] = {"traceparent": f"00-{self.number:032x}-{self.number:016x}-01"}
        params = {"name": self.tool, "arguments": self.arguments, "_meta": meta | (_MODERN if modern else {})}
        return _line({"jsonrpc": "2.0", "id": self.number, "method": "tools/call", "params": params})


def over_stdio(
    towards: IO[bytes], back: IO[bytes], calls: Iterable[Call], in_flight: int, *, modern: bool
) -> list[Asked]:
    """When each call was sent. Raises BenchError when a reply is an error."""
    if not modern:
        towards.write(_line({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": _LEGACY}))
        towards.flush()
        _check(back.readline())
        towards.write(_line({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    asked: list[Asked] = []
    for number, call in enumerate(calls):
        if number >= in_flight:
            _check(back.readline())
        message = call.message(modern=modern)
        asked.append(Asked(call=call.number, at_ns=time.monotonic_ns()))
        towards.write(message)
        towards.flush()
    for _ in range(min(in_flight, len(asked))):
        _check(back.readline())
    return asked


def over_http(port: int, calls: Sequence[Call], in_flight: int) -> list[Asked]:
    """When each call was sent, in that order. Raises BenchError when a reply is an error."""
    waiting: queue.SimpleQueue[Call] = queue.SimpleQueue()
    for call in calls:
        waiting.put(call)
    asked: list[Asked] = []
    failed: list[BenchError] = []
    clients = [threading.Thread(target=_client, args=(port, waiting, asked, failed)) for _ in range(in_flight)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if failed:
        raise failed[0]
    return sorted(asked, key=lambda one: one.at_ns)


def _client(port: int, waiting: queue.SimpleQueue[Call], asked: list[Asked], failed: list[BenchError]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    kinds = "application/json, text/event-stream"
    headers = {"Content-Type": "application/json", "Accept": kinds, "MCP-Protocol-Version": "2025-06-18"}
    try:
        while not waiting.empty():
            call = waiting.get_nowait()
            asked.append(Asked(call=call.number, at_ns=time.monotonic_ns()))
            connection.request("POST", "/mcp", call.message(modern=False), headers)
            _check(connection.getresponse().read())
    except queue.Empty:
        return
    except (OSError, http.client.HTTPException) as error:
        failed.append(BenchError(f"the HTTP server went away: {error}"))
    except BenchError as error:
        failed.append(error)
    finally:
        connection.close()


def _check(reply: bytes) -> None:
    try:
        said = json.loads(reply)
    except ValueError as error:
        raise BenchError(f"no reply but {reply[:200]!r}") from error
    if "result" not in said or said["result"].get("isError"):
        raise BenchError(f"a call failed: {str(said)[:300]}")


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
