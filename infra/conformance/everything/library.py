"""Resources, their templates, prompts and completions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from . import rounds
from .content import IMAGE
from .shapes import Context, Json, blob, block, text

__all__ = ["PROMPTS", "RESOURCES", "TEMPLATES", "complete", "get_prompt", "read"]

_TEMPLATE = "test://template/{id}/data"
_STATIC: dict[str, Json] = {
    "test://static-text": {"mimeType": "text/plain", "text": "This is the content of the static text resource."},
    "test://static-binary": {"mimeType": "image/png", "blob": IMAGE},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watched resource content"},
}
RESOURCES: list[Json] = [
    {"uri": uri, "name": uri.rpartition("/")[2], "mimeType": content["mimeType"]} for uri, content in _STATIC.items()
]
TEMPLATES: list[Json] = [{"uriTemplate": _TEMPLATE, "name": "template", "mimeType": "application/json"}]
PROMPTS: list[Json] = [
    {"name": "test_simple_prompt", "description": "No arguments."},
    {
        "name": "test_prompt_with_arguments",
        "description": "Two arguments.",
        "arguments": [{"name": name, "required": True} for name in ("arg1", "arg2")],
    },
    {
        "name": "test_prompt_with_embedded_resource",
        "description": "Holds a resource.",
        "arguments": [{"name": "resourceUri", "required": True}],
    },
    {"name": "test_prompt_with_image", "description": "Holds an image."},
    {"name": "test_input_required_result_prompt", "description": "Asks before it is given."},
]


async def read(context: Context, params: types.ReadResourceRequestParams) -> Json:
    uri = str(params.uri)
    if uri in _STATIC:
        return {"contents": [{"uri": uri} | _STATIC[uri]]}
    made = re.fullmatch(r"test://template/([^/]+)/data", uri)
    if made is None:
        raise MCPError(code=types.INVALID_PARAMS, message="Resource not found", data={"uri": uri})
    content = json.dumps({"id": made[1], "templateTest": True, "data": f"Data for ID: {made[1]}"})
    return {"contents": [{"uri": uri, "mimeType": "application/json", "text": content}]}


async def get_prompt(context: Context, params: types.GetPromptRequestParams) -> Json:
    if params.name == "test_input_required_result_prompt":
        return await rounds.prompt(context)
    build = _BUILT.get(params.name)
    if build is None:
        raise MCPError(code=types.INVALID_PARAMS, message="Unknown prompt")
    return {"messages": [{"role": "user", "content": content} for content in build(params.arguments or {})]}


async def complete(context: Context, params: types.CompleteRequestParams) -> Json:
    return {"completion": {"values": [], "total": 0, "hasMore": False}}


_BUILT: dict[str, Callable[[dict[str, Any]], list[Json]]] = {
    "test_simple_prompt": lambda _: [text("This is a simple prompt for testing.")],
    "test_prompt_with_arguments": lambda given: [
        text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
    ],
    "test_prompt_with_embedded_resource": lambda given: [
        block(given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."),
        text("Please process the embedded resource above."),
    ],
    "test_prompt_with_image": lambda _: [blob("image", IMAGE, "image/png"), text("Please analyze the image above.")],
}
