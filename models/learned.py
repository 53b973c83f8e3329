"""Baselines of normal turns in memory, for training, replays and tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .baseline import Baseline, BaselineView, turn_keys
from .history import principal_of, session_of
from .turn import Turn

__all__ = ["baselines", "learn", "views_of"]


def baselines(turns: Sequence[Turn]) -> dict[str, Baseline]:
    """The baseline of every server in these turns."""
    learned: dict[str, Baseline] = {}
    for turn in turns:
        learn(learned, turn)
    return learned


def learn(learned: dict[str, Baseline], turn: Turn) -> None:
    """Add one normal turn to the baselines of its servers."""
    for server in turn.servers:
        keys = turn_keys(turn.calls, server, learned=True)
        learned.setdefault(server, Baseline(server)).learn(session_of(turn), principal_of(turn), keys)


def views_of(turn: Turn, learned: Mapping[str, Baseline], without: Collection[str] = ()) -> dict[str, BaselineView]:
    """What the baselines say of everything a turn asks."""
    return {
        server: learned[server].view(turn_keys(turn.calls, server), without=without)
        for server in turn.servers
        if server in learned
    }
