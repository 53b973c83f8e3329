"""The JSON shapes the server's answers are made of, and what a tool is here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import ServerRequestContext

__all__ = ["Context", "Handler", "Json", "Tool", "blob", "block", "form", "schema", "text", "told"]

Json = dict[str, Any]
Context = ServerRequestContext[Any, Any]
Handler = Callable[[Context, Json], Awaitable[Json]]


def schema(**properties: str) -> Json:
    """An object schema of required properties, each with its type."""
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` takes the context and the arguments, and gives a result as it stands on the wire."""

    name: str
    description: str
    run: Handler
    input_schema: Json = field(default_factory=schema)

    @property
    def definition(self) -> Json:
        return {"name": self.name, "description": self.description, "inputSchema": self.input_schema}


def text(content: str) -> Json:
    return {"type": "text", "text": content}


def told(content: str) -> Json:
    """A result of one text."""
    return {"content": [text(content)]}


def blob(kind: str, data: str, mime_type: str) -> Json:
    """Image or audio content from base64."""
    return {"type": kind, "data": data, "mimeType": mime_type}


def block(uri: str, mime_type: str, content: str) -> Json:
    """An embedded text resource."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": content}}


def form(message: str, **properties: str) -> Json:
    """An elicitation that asks for these properties."""
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema(**properties)},
    }
