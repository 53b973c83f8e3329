"""What a tool's JSON Schema would make its reader do: fetch from the network, descend without end, tell a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .secrets import names_secret

__all__ = ["schema_tags"]

_DEEPEST = 64  # levels of JSON; a schema in a schema takes two or three
_MOST = 4096  # objects
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NETWORK = re.compile(r"(?:(?:https?|ftps?|wss?|file|smb|ldaps?|gopher):|//)", re.IGNORECASE)
_TEXT = 512


def schema_tags(schema: object) -> set[str]:
    """`network-ref`, `schema-too-deep`, `schema-too-large`, `secret-header`: a secret parameter in an HTTP header."""
    tags: set[str] = set()
    waiting: list[tuple[int, str, Any]] = [(1, "", schema)]
    for depth, name, node in waiting:
        if isinstance(node, dict):
            tags.update(_of_object(name, node))
            waiting.extend((depth + 1, inner, value) for inner, value in node.items() if _holds(value))
        elif isinstance(node, list):
            waiting.extend((depth + 1, name, value) for value in node if _holds(value))
        if depth > _DEEPEST:
            tags.add("schema-too-deep")
        if len(waiting) > _MOST:
            tags.add("schema-too-large")
            break
    return tags


def _of_object(name: str, node: dict[str, Any]) -> Iterator[str]:
    for key in _REFERENCES:
        reference = node.get(key)
        if isinstance(reference, str) and _NETWORK.match(reference.lstrip()):
            yield "network-ref"
    header = node.get("x-mcp-header")
    if isinstance(header, str) and any(map(names_secret, (name[:_TEXT], header[:_TEXT], _description(node)))):
        yield "secret-header"


def _description(node: dict[str, Any]) -> str:
    return str(node.get("description") or "")[:_TEXT]


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)
