"""OTLP attribute values as plain Python, bounded in depth and length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...models.text import clean

__all__ = ["NAME", "attributes", "count", "plain", "text"]

NAME = 128
_DEEPEST = 16


def attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in pairs}


def plain(value: Any, depth: int = 0) -> Any:
    """An AnyValue as plain Python; None for bytes, for nothing and below 16 levels."""
    kind = value.WhichOneof("value")
    if kind is None or kind == "bytes_value" or depth > _DEEPEST:
        return None
    if kind == "array_value":
        return [plain(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value, depth + 1) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def text(value: object) -> str | None:
    """A name, cleaned and capped."""
    return clean(value, NAME) if isinstance(value, str) else None


def count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
