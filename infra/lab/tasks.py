"""Every kind of honest work by its name: everyday work, and what is rare. Some goals name the values that calls then
carry, some leave the agent to find them."""

from __future__ import annotations

from collections.abc import Mapping

from ..demo.story import Turn
from .books import BOOKS
from .oddities import ODD
from .office import OFFICE
from .pen import Pen, Task

__all__ = ["KINDS", "ODD", "turn_of"]

KINDS: Mapping[str, Task] = {**OFFICE, **BOOKS}
"""Everyday work."""


def turn_of(kind: str, pen: Pen) -> Turn:
    """One turn of this kind of work."""
    return {**KINDS, **ODD}[kind](pen)
