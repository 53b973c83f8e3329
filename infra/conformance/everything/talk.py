"""Tools that talk to the client while they run, as servers up to 2025-11-25 do: progress, logs, questions."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from .shapes import Context, Json, Tool, schema, told

__all__ = ["TOOLS"]

warnings.simplefilter("ignore", MCPDeprecationWarning)  # old parts of the protocol are what is tested here
_PAUSE_S = 0.05


async def _log(context: Context, words: str) -> None:
    await context.session.send_log_message("info", words, related_request_id=context.request_id)


async def _logging(context: Context, arguments: Json) -> Json:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await _log(context, words)
        await asyncio.sleep(_PAUSE_S)
    return told("three log messages were sent")


async def _progress(context: Context, arguments: Json) -> Json:
    token = (context.meta or {}).get("progress_token")
    for done in (0, 50, 100):
        if token is not None:
            await context.session.send_notification(_step(token, done), related_request_id=context.request_id)
        await asyncio.sleep(_PAUSE_S)
    return told(str(token))


def _step(token: types.ProgressToken, done: int) -> types.ProgressNotification:
    return types.ProgressNotification(
        params=types.ProgressNotificationParams(
            progress_token=token, progress=done, total=100, message=f"Completed step {done} of 100"
        )
    )


async def _sampling(context: Context, arguments: Json) -> Json:
    prompt = types.TextContent(type="text", text=str(arguments.get("prompt", "")))
    reply = await context.session.create_message(
        [types.SamplingMessage(role="user", content=prompt)], max_tokens=100, related_request_id=context.request_id
    )
    return told(f"LLM response: {getattr(reply.content, 'text', 'nothing')}")


async def _ask(context: Context, message: str, wanted: Json) -> str:
    reply = await context.session.elicit_form(message, wanted, related_request_id=context.request_id)
    return f"action={reply.action}, content={reply.content}"


async def _elicitation(context: Context, arguments: Json) -> Json:
    said = await _ask(context, str(arguments.get("message", "")), schema(response="string"))
    return told(f"User response: {said}")


async def _defaults(context: Context, arguments: Json) -> Json:
    wanted: dict[str, Any] = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    }
    return told(f"Elicitation completed: {await _ask(context, 'Who are you?', wanted)}")


async def _choices(context: Context, arguments: Json) -> Json:
    one = ["option1", "option2", "option3"]
    titled = [{"const": f"value{number}", "title": f"Title {number}"} for number in (1, 2, 3)]
    wanted: dict[str, Any] = {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": one},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": one, "enumNames": ["One", "Two", "Three"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": one}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    }
    return told(f"Elicitation completed: {await _ask(context, 'Choose.', wanted)}")


async def _reconnection(context: Context, arguments: Json) -> Json:
    await _log(context, "before the stream closes")
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(0.2)
    await _log(context, "after the client came back")
    return told("Reconnection test completed")


async def _needs_sampling(context: Context, arguments: Json) -> Json:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="this tool needs the client's sampling",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return told("the client offers sampling")


TOOLS = (
    Tool("test_tool_with_logging", "Logs while it runs.", _logging),
    Tool("test_logging_tool", "Logs, where the caller asked for it.", _logging),
    Tool("test_tool_with_progress", "Tells its progress.", _progress),
    Tool("test_sampling", "Asks the client's model.", _sampling, schema(prompt="string")),
    Tool("test_elicitation", "Asks the user.", _elicitation, schema(message="string")),
    Tool("test_elicitation_sep1034_defaults", "Asks the user, with defaults.", _defaults),
    Tool("test_elicitation_sep1330_enums", "Asks the user to choose.", _choices),
    Tool("test_reconnection", "Closes its stream on the way.", _reconnection),
    Tool("test_missing_capability", "Runs for clients that offer sampling.", _needs_sampling),
)
