"""What can be wrong with a rule file."""

from __future__ import annotations

from ...errors import TriptychError

__all__ = ["RuleError"]


class RuleError(TriptychError):
    """A rule that cannot be used: D01 two rules with one id, D02 a file that is no rule."""

    code = "D02"
