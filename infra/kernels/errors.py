"""Trouble of the matrix of kernels."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["KernelsError"]


class KernelsError(TriptychError):
    """N01 no packages, N02 no object built, N03 a kernel did not boot or told nothing, N04 no place for the tables."""

    code = "N01"
