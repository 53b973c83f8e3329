"""What can be wrong with a Python rule."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["PythonRuleError"]


class PythonRuleError(TriptychError):
    """D20: a file that defines no rule, or fails when it is loaded."""

    code = "D20"
