"""What goes wrong with models as an operator handles them."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["PromotionError"]


class PromotionError(TriptychError):
    """M11: a candidate that may not judge yet; the message names every reason."""

    code = "M11"
