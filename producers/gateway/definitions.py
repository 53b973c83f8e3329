"""What a server says its tools are: a digest for each field of each definition, and signs of text meant for the model.

Digests are unkeyed SHA-256 over RFC 8785 text: definitions are no secrets, and two sites may compare them.
"""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from typing import Any

from ...models.events import ToolDefinition
from ...models.text import clean
from .jcs import canonical
from .parse import compact
from .walk import leaves

__all__ = ["tool_definitions"]

_MOST_TOOLS = 1024
_FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution", "icons")
_HIDDEN = re.compile("[\u00ad\u200b\u200c\u2060-\u2064\ufeff\u180e\u3164\u115f\u1160\ue000-\uf8ff]")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")
_TAG = re.compile("[\U000e0000-\U000e007f]")
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INSTRUCTION = re.compile(
    r"<\s*/?\s*(?:important|system|instructions?|secret|hidden)\s*>"
    r"|\b(?:ignore|disregard|forget)\b.{0,40}\b(?:previous|prior|above|earlier|all)\b.{0,40}\b(?:instruction|rule|prompt)"
    r"|\b(?:do not|don't|never)\b.{0,30}\b(?:tell|mention|inform|reveal|show|notify)\b.{0,30}\b(?:user|human)"
    r"|\b(?:before|after|when(?:ever)?)\b.{0,20}\bus(?:e|ing)\b.{0,30}\b(?:this|any|other)\b.{0,10}\btools?\b.{0,80}\b(?:must|read|call|first)\b"
    r"|\byou must (?:first|always|also)\b",
    re.IGNORECASE | re.DOTALL,
)
_SENSITIVE = re.compile(
    r"(?:~|/root|/home/[^\s/]+)?/?\.(?:ssh|aws|kube|gnupg|netrc|npmrc|docker)\b|id_rsa|/etc/(?:shadow|passwd)|mcp\.json"
)
_LONG = 4096
_MOST_LEAVES = 65_536
_TAGS = (
    ("hidden-unicode", _HIDDEN),
    ("bidi-control", _BIDI),
    ("tag-characters", _TAG),
    ("variation-selectors", _VARIATION),
    ("control-characters", _CONTROL),
    ("instruction-marker", _INSTRUCTION),
    ("sensitive-path", _SENSITIVE),
)


def tool_definitions(tools: object) -> tuple[ToolDefinition, ...]:
    """One definition for each of the first 1024 entries of a tools/list result that is an object with a name."""
    entries = tools[:_MOST_TOOLS] if isinstance(tools, list) else []
    return tuple(
        _definition(entry) for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    )


def _definition(tool: dict[str, Any]) -> ToolDefinition:
    hints = tool.get("annotations") if isinstance(tool.get("annotations"), dict) else {}
    return ToolDefinition(
        name=clean(tool["name"], 128),
        digest=_digest({name: tool[name] for name in _FIELDS if name in tool}),
        description_digest=_digest([tool.get("title"), tool.get("description")]),
        input_digest=_digest(tool.get("inputSchema")),
        output_digest=_digest(tool.get("outputSchema")),
        annotations_digest=_digest(tool.get("annotations")),
        read_only=_hint(hints, "readOnlyHint"),
        destructive=_hint(hints, "destructiveHint"),
        open_world=_hint(hints, "openWorldHint"),
        tags=_scan(tool),
    )


def _digest(value: object) -> str:
    try:
        text = canonical(value).encode("utf-8", "surrogatepass")
    except ValueError:
        text = compact(value)
    return hashlib.sha256(text).hexdigest()


def _hint(hints: object, name: str) -> bool | None:
    value = hints.get(name) if isinstance(hints, dict) else None
    return value if isinstance(value, bool) else None


def _scan(tool: dict[str, Any]) -> tuple[str, ...]:
    """Tags of what stands in any text of the definition: values and member names alike."""
    texts = [
        text for leaf in islice(leaves(tool), _MOST_LEAVES) for text in (leaf.value, leaf.key) if isinstance(text, str)
    ]
    found = {tag for tag, pattern in _TAGS for text in texts if pattern.search(text)}
    if any(len(text) > _LONG for text in texts):
        found.add("long-text")
    return tuple(sorted(found))
