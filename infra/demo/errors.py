"""What can go wrong with the demo itself, beside the checks."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["DemoError"]


class DemoError(TriptychError):
    """X01 a part did not become ready, X02 a part ended, X03 the story stalled, X04 the demo's extra is missing."""

    code = "X01"
