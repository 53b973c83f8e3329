"""The client that the suite's client scenarios judge: Python's SDK, dialling the server itself or through a gateway.

Through a gateway it keeps the server's name in URL and Host, as behind a reverse proxy that took over the name: OAuth
binds tokens to it. `python -m triptych.infra.conformance.client [--gateway] URL`, started by the suite.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from .login import login
from .sides import gateway

__all__ = ["main"]

_WAIT_S = 60.0


class Detour(httpx2.AsyncBaseTransport):
    """Sends what is meant for one origin to another port of this machine, and changes nothing else."""

    def __init__(self, origin: str, port: int) -> None:
        parts = urlsplit(origin)
        self._from, self._to = (parts.hostname, parts.port), port
        self.taken = 0
        self._transport = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if (request.url.host, request.url.port) == self._from:
            request.url = request.url.copy_with(port=self._to)
            self.taken += 1
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


class Session:
    """One scenario: where the server is, how it is reached and what the suite told."""

    def __init__(self, url: str, detour: Detour | None) -> None:
        self.url, self._detour = url, detour
        self.scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
        self.given: dict[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
        version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION")
        self._mode = "auto" if version in (None, *MODERN_PROTOCOL_VERSIONS) else "legacy"

    @contextlib.asynccontextmanager
    async def connected(self, *, legacy: bool = False, auth: httpx2.Auth | None = None) -> AsyncIterator[Client]:
        """A client that answers whatever servers ask."""
        async with (
            httpx2.AsyncClient(auth=auth, timeout=_WAIT_S, transport=self._detour, follow_redirects=True) as http,
            Client(
                streamable_http_client(self.url, http_client=http),
                mode="legacy" if legacy else self._mode,
                sampling_callback=_sample,
                list_roots_callback=_roots,
                elicitation_callback=_accept,
            ) as client,
        ):
            yield client


async def _sample(context: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
    return types.CreateMessageResult(
        role="assistant", model="none", content=types.TextContent(type="text", text="fine")
    )


async def _roots(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[])


async def _accept(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    """Takes every default, and says yes to what is to be confirmed."""
    wanted = getattr(params, "requested_schema", {}).get("properties", {})
    content = {name: schema["default"] for name, schema in wanted.items() if "default" in schema}
    return types.ElicitResult(action="accept", content=content or {"confirmed": True})


def _calls(*calls: tuple[str, dict[str, Any]], legacy: bool = False) -> Callable[[Session], Coroutine[Any, Any, None]]:
    async def run(session: Session) -> None:
        async with session.connected(legacy=legacy) as client:
            await client.list_tools()
            for name, arguments in calls:
                await client.call_tool(name, arguments)

    return run


async def _every_tool(session: Session) -> None:
    """Calls what the SDK lets through of the listed tools."""
    async with session.connected() as client:
        for tool in (await client.list_tools()).tools:
            arguments = {name: _sample_value(tool.input_schema, name) for name in tool.input_schema.get("required", [])}
            with contextlib.suppress(Exception):
                await client.call_tool(tool.name, arguments)


def _sample_value(schema: dict[str, Any], name: str) -> Any:
    kind = schema.get("properties", {}).get(name, {}).get("type")
    return {"integer": 0, "number": 0, "boolean": False, "object": {}, "array": []}.get(kind, "x")


async def _given_calls(session: Session) -> None:
    async with session.connected() as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        for call in session.given.get("toolCalls", []):
            if call["name"] in listed:
                with contextlib.suppress(Exception):
                    await client.call_tool(call["name"], call.get("arguments") or {})


async def _schema_back(session: Session) -> None:
    async with session.connected() as client:
        tools = (await client.list_tools()).tools
        schema = next(tool.input_schema for tool in tools if tool.name == "json_schema_2020_12_tool")
        await client.call_tool("json_schema_echo", {"schema": schema})


async def _logged_in(session: Session) -> None:
    async with session.connected(auth=login(session.scenario, session.url, session.given)) as client:
        for tool in (await client.list_tools()).tools[:1]:
            with contextlib.suppress(Exception):
                await client.call_tool(tool.name, {})


_ADD = ("add_numbers", {"a": 5, "b": 3})
_SCENARIOS: dict[str, Callable[[Session], Coroutine[Any, Any, None]]] = {
    "initialize": _calls(),
    "tools_call": _calls(_ADD),
    "request-metadata": _calls(_ADD),
    "http-standard-headers": _calls(_ADD),
    "sse-retry": _calls(("test_reconnection", {})),
    "elicitation-sep1034-client-defaults": _calls(("test_client_elicitation_defaults", {})),
    "json-schema-ref-no-deref": _calls(legacy=True),  # the suite's server speaks only the handshake there
    "json-schema-2020-12-preservation": _schema_back,
    "http-invalid-tool-headers": _every_tool,
    "http-custom-headers": _given_calls,
    "sep-2322-client-request-state": _calls(
        *((f"test_mrtr_{name}", {}) for name in ("echo_state", "unrelated", "no_state", "no_result_type"))
    ),
}


def main(argv: list[str]) -> None:
    """Run the scenario that the suite names in the environment; an exception is its failure."""
    url = argv[-1]
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(gateway(url)) if "--gateway" in argv else None
        detour = Detour(url, urlsplit(front).port or 0) if front else None
        session = Session(url, detour)
        run = _logged_in if session.scenario.startswith("auth/") else _SCENARIOS[session.scenario]
        try:
            asyncio.run(run(session))
        finally:
            if detour is not None and not detour.taken:
                raise RuntimeError("the gateway was never dialled: this run would prove nothing")


if __name__ == "__main__":
    main(sys.argv[1:])
