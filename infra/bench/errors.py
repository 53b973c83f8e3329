"""What keeps a benchmark from measuring. README.md lists the codes."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["BenchError"]


class BenchError(TriptychError):
    """B01 what is measured gave a wrong answer or none, B02 somebody else's program cannot be installed here."""

    code = "B01"
