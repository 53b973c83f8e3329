"""A turn: the calls and agent spans of one correlation id, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass

from .events import AgentSpan, Call

__all__ = ["EARLY", "RUNNING", "Turn"]

EARLY = "early"
"""Coverage note of a call that was written before all of it was known: what of it stands, stands for good."""
RUNNING = "still running"
"""Coverage note of a call whose reply had not come."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Calls in order of their start (latest revision of each), spans in order of their start."""

    key: str  # correlation id; the call id where a call has none
    calls: tuple[Call, ...]
    spans: tuple[AgentSpan, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """Ids of the servers called, in order of first call."""
        return tuple(dict.fromkeys(call.server.id for call in self.calls))
