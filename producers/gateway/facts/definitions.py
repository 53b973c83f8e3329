"""What a server says its tools are: a digest for each field of each definition, and tags of what is wrong with its
texts and schemas.

Digests are unkeyed SHA-256 over RFC 8785 text: definitions are no secrets, and two sites may compare them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ..observer.parse import compact
from .budget import Budget
from .jcs import canonical_bytes
from .marks import marks, texts
from .schemas import schema_tags

if TYPE_CHECKING:
    from .fields import ToolFields

__all__ = ["MOST_TOOLS", "definition_digest", "tool_definitions"]

MOST_TOOLS = 1024
_FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution", "icons")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]{2,127}")
_TELLING = re.compile(r"[_.\d-]|[a-z][A-Z]")  # no ordinary word
_QUOTED = re.compile(r"[`'\"\u2018\u201c]([A-Za-z]{3,64})[`'\"\u2019\u201d]|\b([A-Za-z]{3,64}) tool\b")


def tool_definitions(
    tools: object, budget: Budget, named: Callable[[str], str], others: Collection[str] = ()
) -> list[ToolFields]:
    """One definition for each of the first 1024 entries of a tools/list result that is an object with a name.

    `named` gives what may be published of a name, `others` are names of tools on other pages of the list. What `budget`
    does not cover is digested, not read for tags.
    """
    entries = [
        entry
        for entry in (tools[:MOST_TOOLS] if isinstance(tools, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]
    names = {entry["name"] for entry in entries}.union(others)
    return [_definition(entry, budget, named, names) for entry in entries]


def definition_digest(value: object) -> str:
    """SHA-256 over the canonical text of a part of a definition, 64 hex digits."""
    try:
        text = canonical_bytes(value)
    except ValueError:
        text = compact(value)
    return hashlib.sha256(text).hexdigest()


def _definition(
    tool: dict[str, Any], budget: Budget, named: Callable[[str], str], names: Collection[str]
) -> ToolFields:
    hints = tool.get("annotations") if isinstance(tool.get("annotations"), dict) else {}
    return {
        "name": named(tool["name"]),
        "digest": definition_digest({name: tool[name] for name in _FIELDS if name in tool}),
        "description_digest": definition_digest([tool.get("title"), tool.get("description")]),
        "input_digest": definition_digest(tool.get("inputSchema")),
        "output_digest": definition_digest(tool.get("outputSchema")),
        "annotations_digest": definition_digest(tool.get("annotations")),
        "read_only": _hint(hints, "readOnlyHint"),
        "destructive": _hint(hints, "destructiveHint"),
        "open_world": _hint(hints, "openWorldHint"),
        "tags": _tags(tool, budget, names),
    }


def _hint(hints: object, name: str) -> bool | None:
    value = hints.get(name) if isinstance(hints, dict) else None
    return value if isinstance(value, bool) else None


def _tags(tool: dict[str, Any], budget: Budget, names: Collection[str]) -> list[str]:
    """Tags of what stands in any text of the definition, values and member names alike, and of its schemas."""
    found = list(texts(tool, budget))
    tags = marks(found)
    tags |= schema_tags(tool.get("inputSchema")) | schema_tags(tool.get("outputSchema"))
    if any(_speaks_of_others(text, tool["name"], names) for text in found):
        tags.add("other-tool")
    return sorted(tags)


def _speaks_of_others(text: str, own: str, names: Collection[str]) -> bool:
    """Whether a text names another tool: by a name that is no ordinary word, or by one that is set apart."""
    words = (word.rstrip(".-") for word in _IDENTIFIER.findall(text))
    said = {word for word in words if _TELLING.search(word)}
    said.update(word for pair in _QUOTED.findall(text) for word in pair if word)
    said.discard(own)
    return not said.isdisjoint(names)
