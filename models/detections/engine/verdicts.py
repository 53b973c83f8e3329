"""What can be said of a rule that says nothing of a call or a turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Failed", "NotJudged"]


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A rule that could say nothing of a turn, and what it lacked."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """A rule that raised where it should have judged: a bug of the rule or of the engine, which stops no other rule."""

    rule: str
    error: Exception

    @property
    def reason(self) -> str:
        """By the kind of the error: its text may hold what an attacker wrote."""
        return f"the rule failed: {type(self.error).__name__}"

    @property
    def not_judged(self) -> NotJudged:
        return NotJudged(self.rule, self.reason)
