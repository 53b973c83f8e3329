"""What a server says its tools are: a digest for each field of each definition, and signs of text meant for the model.

Every pattern is linear. Digests are unkeyed SHA-256 over RFC 8785 text: definitions are no secrets, and two sites may
compare them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from ....models.events import ToolDefinition
from ..observer.parse import compact
from .budget import Budget
from .jcs import canonical
from .phrases import instructs

__all__ = ["tool_definitions"]

_MOST_TOOLS = 1024
_FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution", "icons")
_HIDDEN = re.compile("[\u00ad\u200b\u200c\u2060-\u2064\ufeff\u180e\u3164\u115f\u1160\ue000-\uf8ff]")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")
_TAG = re.compile("[\U000e0000-\U000e007f]")
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MARKUP = re.compile(r"<\s*+/?+\s*+(?:important|system|instructions?+|secret|hidden)\s*+>", re.IGNORECASE)
_SENSITIVE = re.compile(r"\.(?:ssh|aws|kube|gnupg|netrc|npmrc|docker)\b|id_rsa|/etc/(?:shadow|passwd)|mcp\.json")
_LONG = 4096
_PATTERNS = (
    ("hidden-unicode", _HIDDEN),
    ("bidi-control", _BIDI),
    ("tag-characters", _TAG),
    ("variation-selectors", _VARIATION),
    ("control-characters", _CONTROL),
    ("instruction-marker", _MARKUP),
    ("sensitive-path", _SENSITIVE),
)


def tool_definitions(tools: object, budget: Budget, named: Callable[[str], str]) -> tuple[ToolDefinition, ...]:
    """One definition for each of the first 1024 entries of a tools/list result that is an object with a name.

    `named` gives what may be published of a name. What `budget` does not cover is digested, not read for tags.
    """
    entries = tools[:_MOST_TOOLS] if isinstance(tools, list) else []
    return tuple(
        _definition(entry, budget, named)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    )


def _definition(tool: dict[str, Any], budget: Budget, named: Callable[[str], str]) -> ToolDefinition:
    hints = tool.get("annotations") if isinstance(tool.get("annotations"), dict) else {}
    return ToolDefinition(
        name=named(tool["name"]),
        digest=_digest({name: tool[name] for name in _FIELDS if name in tool}),
        description_digest=_digest([tool.get("title"), tool.get("description")]),
        input_digest=_digest(tool.get("inputSchema")),
        output_digest=_digest(tool.get("outputSchema")),
        annotations_digest=_digest(tool.get("annotations")),
        read_only=_hint(hints, "readOnlyHint"),
        destructive=_hint(hints, "destructiveHint"),
        open_world=_hint(hints, "openWorldHint"),
        tags=_tags(tool, budget),
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


def _tags(tool: dict[str, Any], budget: Budget) -> tuple[str, ...]:
    """Tags of what stands in any text of the definition: values and member names alike."""
    found: set[str] = set()
    for text in _texts(tool, budget):
        found.update(tag for tag, pattern in _PATTERNS if pattern.search(text))
        if instructs(text):
            found.add("instruction-marker")
        if len(text) > _LONG:
            found.add("long-text")
    return tuple(sorted(found))


def _texts(tool: dict[str, Any], budget: Budget) -> Iterator[str]:
    """Values, and each member name once for all the values in a row that it stands above."""
    above = None
    for leaf in budget.leaves(tool):
        if leaf.key is not above:
            above = leaf.key
            yield budget.take(above)
        if isinstance(leaf.value, str):
            yield budget.take(leaf.value)
