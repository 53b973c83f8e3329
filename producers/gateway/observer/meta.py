"""What a message's `_meta` says of trace, conversation and protocol. Every word of it is the sender's.

The names live here only: W3C Trace Context and Baggage (SEP-414), and the reserved keys of MCP 2026-07-28.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NOTHING", "Meta", "Trace", "claimed", "declared", "read_meta"]

CONVERSATION = "gen_ai.conversation.id"
_VERSION = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_CLIENT = "io.modelcontextprotocol/clientInfo"
_SERVER = "io.modelcontextprotocol/serverInfo"
_TRACEPARENT = r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
_BAGGAGE_LIMIT = 8192  # W3C Baggage 3.3.2
_MOST_CAPABILITIES = 32
Json = Mapping[str, Any]


@dataclass(slots=True)
class Trace:
    trace_id: str
    parent_span_id: str


@dataclass(slots=True)
class Meta:
    """Empty where the sender said nothing; `malformed` names keys whose value breaks their format."""

    trace: Trace | None = None
    conversation: str | None = None
    version: str | None = None
    client: Any = None
    server: Any = None
    capabilities: Any = None
    malformed: tuple[str, ...] = ()


NOTHING = Meta()


def read_meta(holder: object) -> Meta:
    """The `_meta` of params or of a result."""
    if type(holder) is not dict or "_meta" not in holder:
        return NOTHING
    meta = holder["_meta"]
    if not isinstance(meta, dict) or not meta:
        return NOTHING
    header = meta.get("traceparent")
    match = re.fullmatch(_TRACEPARENT, header) if isinstance(header, str) else None
    version = meta.get(_VERSION)
    return Meta(
        trace=Trace(match[1], match[2]) if match else None,
        conversation=_conversation(meta.get("baggage")),
        version=version if isinstance(version, str) else None,
        client=meta.get(_CLIENT),
        server=meta.get(_SERVER),
        capabilities=meta.get(_CAPABILITIES),
        malformed=("traceparent-invalid",) if header is not None and match is None else (),
    )


def claimed(info: object) -> tuple[str, str] | None:
    """Name and version of a clientInfo or serverInfo."""
    if not isinstance(info, dict) or not isinstance(info.get("name"), str):
        return None
    version = info.get("version")
    return info["name"], version if isinstance(version, str) else ""


def declared(capabilities: object) -> tuple[str, ...]:
    """Names of the declared capabilities, sorted, at most 32."""
    return tuple(sorted(map(str, capabilities))[:_MOST_CAPABILITIES]) if isinstance(capabilities, dict) else ()


def _conversation(baggage: object) -> str | None:
    """The conversation id among the members of a W3C baggage header (`key=value;property,key=value`)."""
    if not isinstance(baggage, str) or CONVERSATION not in baggage:
        return None
    for member in baggage[:_BAGGAGE_LIMIT].split(","):
        key, _, value = member.partition(";")[0].partition("=")
        if key.strip() == CONVERSATION and value.strip():
            from urllib.parse import unquote  # noqa: PLC0415 - rare, and dear at the start

            return unquote(value.strip())
    return None
