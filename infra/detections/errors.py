"""What the commands about detections may be asked in vain."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["DetectionsError"]


class DetectionsError(TriptychError):
    """D22 no rule has this id, D23 a file of that name is there already, D24 a rule that Sigma cannot express."""

    code = "D22"
