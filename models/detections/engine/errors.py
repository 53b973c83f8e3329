"""What can be wrong with a rule file."""

from __future__ import annotations

from pathlib import Path

from ...errors import TriptychError

__all__ = ["RuleError"]


class RuleError(TriptychError):
    """A rule that cannot be used: D01 two rules with one id, D02 a file that is no rule."""

    code = "D02"

    @classmethod
    def doubled(cls, identifier: str, one: Path, other: Path) -> RuleError:
        """D01, with both files."""
        return cls(f"rule {identifier} stands in {one} and in {other}", "give one of them another id", code="D01")
