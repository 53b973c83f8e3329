"""One gateway process as the author of events: it numbers them, and what their connections have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spool.record import Head, head

if TYPE_CHECKING:
    from .fields import HeadFields

__all__ = ["Producer"]


class Producer:
    """Shared by the describers of all connections of a process. `id` names it in every event."""

    __slots__ = ("_heads", "id", "sequence", "unsaid")

    def __init__(self, instance: str) -> None:
        self.id = "gateway:" + instance
        self.sequence = 0  # of the latest event
        self.unsaid = 0  # events lost since it
        self._heads = 0

    def lost(self, count: int = 1) -> None:
        """Events that were not made or could not be kept; the next one says so."""
        self.unsaid += count

    def head(self, fields: HeadFields) -> Head:
        """A head under a number of its own."""
        self._heads += 1
        return head(self._heads, fields)
