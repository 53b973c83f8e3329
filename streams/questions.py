"""What a turn asks of its servers' baselines when a record comes: the keys that are new, by server. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence

from ..models.baseline import EDGE, action_of, actions_before, edge_keys, is_action, keys_of
from ..models.events import Call
from ..models.prompts import prompted
from ..models.sources import source_keys

__all__ = ["keys_around", "place", "sources_of"]


def place(call: Call) -> tuple[int, str]:
    """Where a call stands in the order of its turn."""
    return call.started_ns, call.call_id


def sources_of(calls: Iterable[Call], prompts: Collection[str]) -> dict[str, list[str]]:
    """By server what the calls ask of the origins of their values once these prompts are known."""
    asked: dict[str, list[str]] = {}
    for call in calls:
        asked.setdefault(call.server.id, []).extend(source_keys(prompted(call, prompts), action_of(call)))
    return asked


def keys_around(call: Call, forgotten: Iterable[Call], calls: Sequence[Call]) -> dict[str, list[str]]:
    """By server what taking this call asks anew: its own keys, and the orders that it now stands in. Those that stood
    behind a forgotten call have another one before them, so theirs too."""
    asked = {call.server.id: list(keys_of(call))}
    actions = [one for one in calls if is_action(one)]
    places = [bisect_left(actions, place(one), key=place) for one in (call, *forgotten)]
    changed = {near for at in places for near in range(at, min(at + EDGE, len(actions)))}
    for at in sorted(changed):
        asked.setdefault(actions[at].server.id, []).extend(edge_keys(actions_before(actions, at)))
    return asked
