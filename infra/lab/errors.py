"""What can go wrong with the lab itself."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["LabError"]


class LabError(TriptychError):
    """Y01 nothing can be observed here, Y02 a story that cannot be played, Y03 a data set that is none,
    Y04 the play broke off."""

    code = "Y01"
