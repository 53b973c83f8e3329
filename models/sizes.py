"""How large is large: sizes against the ladder of powers of two that a tool's sessions climbed."""

from __future__ import annotations

import math

from . import baseline as base
from .baseline import BaselineView
from .events import Call

__all__ = ["size_surprise"]


def size_surprise(kind: str, call: Call, size: int, view: BaselineView) -> float:
    """Bits: -log2 of the share of the tool's sessions that reached this size, and one for each doubling beyond the
    largest known. 0 for a tool without history: its novelty is told elsewhere."""
    tool = base.action_of(call)
    history = view.count(base.tool_key(tool))
    rungs = base.size_keys(kind, tool, size)
    if not rungs or not history:
        return 0.0
    beyond = next((at for at, rung in enumerate(reversed(rungs)) if view.count(rung)), len(rungs))
    return max(-math.log2((view.count(rungs[-1]) + 0.5) / (history + 1)), 0.0) + beyond
