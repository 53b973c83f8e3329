"""Plays scripts: one agent a principal, with a connection to every server, its own telemetry, and its users' words.

Connections to the good servers last; a tampered build of the desk lives as long as the script that meets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from ..demo.story import CARRIED, Turn
from ..demo.telemetry import span_of_chat, span_of_tool, span_of_turn
from .hijack import Hijacker
from .script import GOOD, LISTING, NEXT, Ask, Script, token_of
from .servers import HTTP

__all__ = ["Launch", "Played", "Player"]

Launch = Callable[[str, str, str, str], Sequence[str]]
"""The command of a server behind its gateway: server, principal, build, trigger."""

_CALL_TIMEOUT_S = 30
_SETTLE_S = 0.6  # what acts after its reply acts before its server ends
_MOST = 20_000  # characters that an agent carries from one result into the next call


@dataclass(frozen=True, slots=True)
class Played:
    """One turn as it was played, by its script and the trace that it went under."""

    script: Script
    turn: int
    trace: str


@dataclass(slots=True)
class Player:
    """Plays scripts. Servers over stdio run in `folder`; `ledger` is the URL of the one over HTTP."""

    launch: Launch
    ledger: str
    environment: Mapping[str, str]
    folder: Path
    log: Path
    on_turn: Callable[[Played], None]
    sessions: dict[str, str] = field(default_factory=dict)
    """The session over HTTP of each principal."""

    async def play(self, scripts: Iterable[Script]) -> None:
        """Play all of them, principals beside each other. Raises ExceptionGroup when a connection breaks."""
        mine: dict[str, list[Script]] = {}
        for script in scripts:
            mine.setdefault(script.principal, []).append(script)
        async with asyncio.TaskGroup() as group:
            for principal, of_principal in mine.items():
                group.create_task(self._agent(principal, of_principal))

    async def _agent(self, principal: str, scripts: Sequence[Script]) -> None:
        async with AsyncExitStack() as stack:
            clients = {}
            for server in sorted(_servers(scripts) - {"desk"}):
                connection = self._http(principal) if server == HTTP else self._stdio(server, principal)
                clients[server] = await stack.enter_async_context(connection)
            for group in _by_server(scripts):
                desk = self._stdio("desk", principal, group[0].release, group[0].trigger)
                async with desk as clients["desk"]:
                    for script in group:
                        await self._script(clients, script)

    async def _script(self, clients: Mapping[str, Client], script: Script) -> None:
        for number, turn in enumerate(script.turns):
            trace = await self._turn(clients, script, turn)
            self.on_turn(Played(script, number, trace))
        if script.bad is not None:
            await asyncio.sleep(_SETTLE_S)

    async def _turn(self, clients: Mapping[str, Client], script: Script, turn: Turn) -> str:
        with span_of_turn(script, script.agent) as trace:
            with span_of_chat(script, turn, ""):
                await asyncio.sleep(0)
            last = ""
            for number, step in enumerate(turn.steps):
                ask = step if isinstance(step, Ask) else Ask(step.tool, step.arguments)
                with span_of_tool(script, ask, number) if ask.announced else nullcontext():
                    last = await self._call(clients[ask.server], script, ask, last)
            return trace

    async def _call(self, client: Client, script: Script, ask: Ask, last: str) -> str:
        arguments = {name: last if value == CARRIED else value for name, value in ask.arguments.items()}
        try:
            if ask.session:
                return await Hijacker(self.ledger, script.principal, self.sessions).call(ask, arguments)
            if ask.tool == LISTING:
                return " ".join(tool.name for tool in (await client.list_tools()).tools)
            return _text(await client.call_tool(ask.tool, arguments))
        except MCPError as error:
            return f"error: {error}"

    @asynccontextmanager
    async def _stdio(self, server: str, principal: str, release: str = "", trigger: str = "") -> AsyncIterator[Client]:
        command, *arguments = self.launch(server, principal, release, trigger)
        told = StdioServerParameters(command=command, args=arguments, env=dict(self.environment), cwd=self.folder)
        with self.log.open("a") as log:
            async with Client(stdio_client(told, log), read_timeout_seconds=_CALL_TIMEOUT_S) as client:
                await client.list_tools()
                yield client

    @asynccontextmanager
    async def _http(self, principal: str) -> AsyncIterator[Client]:
        async def note(response: httpx2.Response) -> None:
            if session := response.headers.get("mcp-session-id"):
                self.sessions[principal] = session

        headers = {"Authorization": f"Bearer {token_of(principal)}"}
        async with httpx2.AsyncClient(
            headers=headers, event_hooks={"response": [note]}, timeout=_CALL_TIMEOUT_S, transport=_Patient()
        ) as http:
            transport = streamable_http_client(self.ledger, http_client=http)
            async with Client(transport, mode="legacy", read_timeout_seconds=_CALL_TIMEOUT_S) as client:
                await client.list_tools()
                yield client


class _Patient(httpx2.AsyncHTTPTransport):
    """Asks again where a server hung up on an idle connection just as the request was on its way."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except httpx2.RemoteProtocolError:
            return await super().handle_async_request(request)


def _servers(scripts: Iterable[Script]) -> set[str]:
    steps = (step for script in scripts for turn in script.turns for step in turn.steps)
    return {step.server for step in steps if isinstance(step, Ask)}


def _by_server(scripts: Sequence[Script]) -> Iterable[list[Script]]:
    """Scripts that meet the same desk, honest releases in their order first; a tampered build is met once."""
    shared: dict[str, list[Script]] = {GOOD: [], NEXT: []}
    alone: list[list[Script]] = []
    for script in scripts:
        if script.release in shared:
            shared[script.release].append(script)
        else:
            alone.append([script])
    return [group for group in (*shared.values(), *alone) if group]


def _text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))[:_MOST]
