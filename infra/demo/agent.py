"""Plays the story: agents that use tools through the reference MCP client, one connection per principal and server.

A modern stdio connection has no session of its own, so the conversations of a principal share one and interleave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from .story import CARRIED, Session, Step, Turn
from .telemetry import span_of_chat, span_of_tool, span_of_turn

__all__ = ["Launch", "Played", "Player", "interleaved"]

Launch = Callable[[Session], Sequence[str]]
"""The command line of the server a session needs, its gateway in front."""

_CALL_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Played:
    """One turn as it was played, by the ids that it went under."""

    session: Session
    turn: int
    trace: str


@dataclass(slots=True)
class Player:
    """Plays sessions. Servers run in `folder`; `prompt` goes into the telemetry as the user's words would."""

    launch: Launch
    environment: Mapping[str, str]
    folder: Path
    log: Path
    prompt: str = ""
    on_turn: Callable[[Played], None] = lambda played: None

    async def play(self, sessions: Iterable[Session]) -> list[Played]:
        """Play all sessions, connections beside each other, calls of one connection one after the other.

        Raises ExceptionGroup when a connection breaks or a call is not answered in time.
        """
        connections: dict[tuple[str, str, str], list[Session]] = {}
        for session in sessions:
            connections.setdefault((session.server, session.release, session.principal), []).append(session)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._connection(members)) for members in connections.values()]
        return [played for task in tasks for played in task.result()]

    async def _connection(self, sessions: Sequence[Session]) -> list[Played]:
        command, *arguments = self.launch(sessions[0])
        server = StdioServerParameters(command=command, args=arguments, env=dict(self.environment), cwd=self.folder)
        played: list[Played] = []
        with self.log.open("a") as log:
            async with Client(stdio_client(server, log), read_timeout_seconds=_CALL_TIMEOUT_S) as client:
                await client.list_tools()
                for session, number in interleaved(sessions):
                    trace = await self._turn(client, session, session.turns[number])
                    played.append(Played(session, number, trace))
                    self.on_turn(played[-1])
        return played

    async def _turn(self, client: Client, session: Session, turn: Turn) -> str:
        with span_of_turn(session) as trace:
            with span_of_chat(session, turn, self.prompt):
                await asyncio.sleep(0)
            last = ""
            for number, step in enumerate(turn.steps):
                with span_of_tool(session, step, number):
                    last = _text(await client.call_tool(step.tool, _filled(step, last)))
            return trace


def interleaved(sessions: Sequence[Session]) -> list[tuple[Session, int]]:
    """Which turn comes when: turns of two sessions at a time in alternation, each session's own turns in order."""
    order: list[tuple[Session, int]] = []
    for start in range(0, len(sessions), 2):
        pair = sessions[start : start + 2]
        for number in range(max(len(session.turns) for session in pair)):
            order += [(session, number) for session in pair if number < len(session.turns)]
    return order


def _filled(step: Step, last: str) -> dict[str, object]:
    return {name: last if value == CARRIED else value for name, value in step.arguments.items()}


def _text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))
