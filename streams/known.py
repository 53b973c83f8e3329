"""What stage 2 asks of its store and tells it. Plain values: the store knows Redis, the stage does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..models.baseline import BaselineView
from ..models.errors import ConfigError
from ..models.model import Model

__all__ = ["Bounds", "Known", "Learn", "Remember", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Baseline keys by server id. The current model is wanted always."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """The answer: a view for each server that was asked about, and the model to score with, if there is one."""

    views: Mapping[str, BaselineView] = field(default_factory=dict)
    model: Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """A normal turn's facts for one server's baseline. `counts`: whether it is one of the server's sessions; effects
    without a call are learned and are no session."""

    server: str
    session: str
    principal: str
    keys: tuple[str, ...]
    seen_ns: int
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """A normal turn for training: history.to_json of the reduced turn, under its key."""

    turn: str
    started_ns: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Most facts a server's baseline may hold, and most turns that training remembers."""

    facts: int = 200_000
    turns: int = 5_000

    def __post_init__(self) -> None:
        if self.facts < 1_000 or self.turns < 100:
            raise ConfigError(
                f"room for {self.facts} facts and {self.turns} turns", "1000 facts and 100 turns at least"
            )
