"""The ladder of bindings: how sure it is that a call did what the kernel saw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from .events import Binding

__all__ = ["BINDINGS", "weakest"]

BINDINGS: tuple[Binding, ...] = ("none", "candidates", "window", "lineage", "cooperative", "exact")  # weakest first
assert set(BINDINGS) == set(get_args(Binding))  # noqa: S101  # a rung without a place would break every comparison


def weakest(bindings: Iterable[Binding]) -> Binding:
    """The weakest of them; none where there is nothing."""
    return min(bindings, key=BINDINGS.index, default="none")
