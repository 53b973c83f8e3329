"""The server's wiring: what answers which method, over HTTP or stdio."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ServerEvent, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from . import content, library, rounds, talk
from .shapes import Context, Handler, Json, Tool, told

__all__ = ["NAME", "build"]

NAME = "triptych-everything"
_CACHEABLE = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"})


def build() -> Server[Any]:
    """A server for both eras. What its tools say of changes goes to those who listen."""
    bus = InMemorySubscriptionBus()
    server: Server[Any] = Server(NAME, version="1.0.0", on_subscriptions_listen=ListenHandler(bus))
    tools = {tool.name: tool for tool in (*content.TOOLS, *talk.TOOLS, *rounds.TOOLS, *_changes(bus))}
    for method, params, handler in (
        ("tools/list", types.PaginatedRequestParams, _lists("tools", [tool.definition for tool in tools.values()])),
        ("tools/call", types.CallToolRequestParams, _calls(tools)),
        ("resources/list", types.PaginatedRequestParams, _lists("resources", library.RESOURCES)),
        ("resources/templates/list", types.PaginatedRequestParams, _lists("resourceTemplates", library.TEMPLATES)),
        ("resources/read", types.ReadResourceRequestParams, library.read),
        ("resources/subscribe", types.SubscribeRequestParams, _agrees),
        ("resources/unsubscribe", types.UnsubscribeRequestParams, _agrees),
        ("prompts/list", types.PaginatedRequestParams, _lists("prompts", library.PROMPTS)),
        ("prompts/get", types.GetPromptRequestParams, library.get_prompt),
        ("completion/complete", types.CompleteRequestParams, library.complete),
        ("logging/setLevel", types.SetLevelRequestParams, _agrees),
    ):
        server.add_request_handler(method, params, _completed(handler))
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    return server


def _completed(handler: Any) -> Any:
    """What every result of 2026-07-28 says of itself, where the handler left it out."""

    async def run(context: Context, params: Any) -> Json:
        result: Json = await handler(context, params)
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return result
        fresh = {"ttlMs": 60_000, "cacheScope": "public"} if context.method in _CACHEABLE else {}
        return {"resultType": "complete"} | fresh | result

    return run


def _calls(tools: Mapping[str, Tool]) -> Any:
    async def answer(context: Context, params: types.CallToolRequestParams) -> Json:
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown tool: {params.name}")
        return await tool.run(context, params.arguments or {})

    return answer


def _lists(member: str, entries: list[Json]) -> Any:
    async def answer(context: Context, params: types.PaginatedRequestParams) -> Json:
        return {member: copy.deepcopy(entries)}

    return answer


async def _agrees(context: Context, params: Any) -> Json:
    return {}


def _changes(bus: InMemorySubscriptionBus) -> tuple[Tool, ...]:
    """Tools that say that a list changed."""

    def announces(event: ServerEvent) -> Handler:
        async def run(context: Context, arguments: Json) -> Json:
            await bus.publish(event)
            return told("announced")

        return run

    return (
        Tool("test_trigger_tool_change", "Says that the tools changed.", announces(ToolsListChanged())),
        Tool("test_trigger_prompt_change", "Says that the prompts changed.", announces(PromptsListChanged())),
    )
