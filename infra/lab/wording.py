"""What stands in a file of stories as the turn that it means: placeholders filled from the world and by chance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..demo.story import Turn
from ..demo.world import NOTE_TOPICS
from .errors import LabError
from .pen import QUERIES, Pen
from .script import Ask

__all__ = ["turn_from"]

_RESERVED = frozenset({"tool", "server", "announced", "session"})
_NAME = re.compile(r"\{(\w+)\}")


def turn_from(goal: str, asks: Sequence[Mapping[str, Any]], pen: Pen) -> Turn:
    """A placeholder stands for the same throughout the turn. Raises LabError Y02 for one that stands for nothing."""
    words = _Words(pen)
    return Turn(words.fill(goal), tuple(_ask(ask, words) for ask in asks))


def _ask(told: Mapping[str, Any], words: _Words) -> Ask:
    arguments = {name: words.fill(value) for name, value in told.items() if name not in _RESERVED}
    return Ask(
        told["tool"],
        arguments,
        told.get("server", "desk"),
        announced=told.get("announced", True),
        session=told.get("session", ""),
    )


class _Words:
    def __init__(self, pen: Pen) -> None:
        world = pen.world
        self._words = {
            "docs": world.docs,
            "hub": world.hub,
            "collector": world.collector,
            "home": str(world.home),
            "workspace": str(world.workspace),
            "repository": str(world.repository),
            "config": pen.config,
            "report": pen.report,
            "topic": pen.pick(*NOTE_TOPICS),
            "query": pen.pick(*QUERIES),
            "number": str(pen.chance.randint(100, 999)),
        }

    def fill(self, value: Any) -> Any:
        return _NAME.sub(self._word, value) if isinstance(value, str) else value

    def _word(self, found: re.Match[str]) -> str:
        if found[1] not in self._words:
            raise LabError(f"{found[0]} stands for nothing", f"known: {', '.join(self._words)}", code="Y02")
        return self._words[found[1]]
