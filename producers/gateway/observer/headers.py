"""HTTP headers against the JSON-RPC message they stand for (MCP 2026-07-28, Streamable HTTP; SEP-2243, SEP-2663). Pure.

The body is what the server runs; a router or a log on the way believes the headers. Says names, never values.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

__all__ = ["Note", "Parameters", "header_notes", "named_tool", "parameter_headers"]

Note = tuple[str, str]  # anomaly and its evidence
Parameters = Mapping[str, tuple[str, ...]]  # of a tool: header in lower case, path of the argument it mirrors
_MODERN = "2026-07-28"
_WITH_HEADER = "2025-06-18"  # from here on a legacy client names the version in a header
_VERSION = re.compile(r"\d{4}-\d\d-\d\d")
_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMED = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]{1,64}", re.ASCII)
_MOST_PROPERTIES = 1024
_DEEPEST = 16
_MISSING, _DIFFERENT = "header-missing", "header-mismatch"


def header_notes(
    fields: Mapping[bytes, bytes],
    repeated: Collection[bytes],
    body: Mapping[str, Any],
    *,
    negotiated: str | None = None,
    parameters: Parameters | None = None,
) -> list[Note]:
    """What is missing or different. `fields` by lower-case name, `repeated` the names that came more than once.

    `negotiated` is the version of a legacy session once it has one; `parameters` those of the called tool, None where
    its definition was not seen.
    """
    params = body.get("params")
    params = params if isinstance(params, dict) else {}
    meta = params.get("_meta")
    said = meta.get(_META_VERSION) if isinstance(meta, dict) else None
    header = _text(fields.get(b"mcp-protocol-version"))
    if max(_date(said), _date(header)) < _MODERN:
        return _legacy(header, body, negotiated)
    notes = list(_compared("mcp-protocol-version", header, said))
    notes += _compared("mcp-method", _text(fields.get(b"mcp-method")), body.get("method"))
    member = _NAMED.get(str(body.get("method")))
    if member is not None:
        notes += _compared("mcp-name", _decoded(fields.get(b"mcp-name")), params.get(member))
    if parameters and body.get("method") == "tools/call":
        notes += _mirrored(fields, parameters, params.get("arguments"))
    notes += ((_DIFFERENT, f"{name.decode('latin-1')}: more than once") for name in sorted(repeated) if _ours(name))
    return notes


def named_tool(fields: Mapping[bytes, bytes]) -> str | None:
    """The tool that the headers name; None where they name none."""
    return _decoded(fields.get(b"mcp-name")) if _text(fields.get(b"mcp-method")) == "tools/call" else None


def parameter_headers(schema: object) -> dict[str, tuple[str, ...]]:
    """The Mcp-Param-* headers (in lower case) that an input schema asks for, each with the path of its argument."""
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[tuple[str, ...], object]] = [((), schema)]
    for path, node in waiting:
        properties = node.get("properties") if isinstance(node, dict) else None
        if not isinstance(properties, dict) or len(path) >= _DEEPEST:
            continue
        for name, member in properties.items():
            if not isinstance(member, dict) or len(waiting) > _MOST_PROPERTIES:
                continue
            header = member.get("x-mcp-header")
            if isinstance(header, str) and _TOKEN.fullmatch(header):
                found["mcp-param-" + header.lower()] = (*path, name)
            waiting.append(((*path, name), member))
    return found


def _legacy(header: str | None, body: Mapping[str, Any], negotiated: str | None) -> list[Note]:
    if _date(negotiated) < _WITH_HEADER or body.get("method") == "initialize":
        return []
    return list(_compared("mcp-protocol-version", header, negotiated))


def _compared(name: str, header: str | None, value: object) -> Iterator[Note]:
    if header is None:
        yield _MISSING, name
    elif header != value:
        yield _DIFFERENT, name if isinstance(value, str) else f"{name}: the body has none"


def _mirrored(fields: Mapping[bytes, bytes], parameters: Parameters, arguments: object) -> Iterator[Note]:
    for name, path in parameters.items():
        value = _at(arguments, path)
        header = fields.get(name.encode())
        if value is None:
            if header is not None:
                yield _DIFFERENT, f"{name}: the body has none"
        elif header is None:
            yield _MISSING, name
        elif not _same(_decoded(header), value):
            yield _DIFFERENT, name


def _at(arguments: object, path: tuple[str, ...]) -> object:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments


def _same(header: str | None, value: object) -> bool:
    if isinstance(value, bool):
        return header == str(value).lower()
    if isinstance(value, int | float) and header is not None:
        try:
            return float(header) == value and len(header) <= 32  # as numbers: 42.0 is 42
        except (ValueError, OverflowError):
            return False
    return header == value


def _decoded(value: bytes | None) -> str | None:
    """The text a header stands for; one that cannot be decoded equals nothing."""
    text = _text(value)
    match = _ENCODED.fullmatch(text) if text is not None else None
    if match is None:
        return text
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except ValueError:
        return "\0"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1").strip(" \t")


def _date(version: object) -> str:
    """A version that compares; what is none is older than all."""
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""


def _ours(name: bytes) -> bool:
    return name in (b"mcp-protocol-version", b"mcp-method", b"mcp-name") or name.startswith(b"mcp-param-")
