"""The watch that an update opens: a new image, version or tool definition, until enough sessions have shown it.

The baseline of the editions before stays and serves as the prior. While a watch is open its server counts as
provisional again, and findings say that what they found came after an update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .baseline import PROVISIONAL, BaselineView, definition_key, tool_definitions_key
from .editions import edition_key, editions
from .events import Call
from .text import clean, of_sessions

__all__ = ["updates"]

_SHOWN = 40


def updates(calls: Sequence[Call], views: Mapping[str, BaselineView]) -> tuple[str, ...]:
    """What is new of the servers of a turn since they were learned, each with its count; empty where nothing is."""
    found = (fact for call in calls if call.server.id in views for fact in _young(call, views[call.server.id]))
    return tuple(dict.fromkeys(found))


def _young(call: Call, view: BaselineView) -> Iterator[str]:
    for what, before, now in _shown(call):
        all_sessions, own = view.support(before).sessions, view.support(now).sessions
        if own < PROVISIONAL <= all_sessions:
            yield f"{what}: in {of_sessions(own, all_sessions)}, so this came after an update"


def _shown(call: Call) -> Iterator[tuple[str, str, str]]:
    """In words, the key of any edition, and the key of this one."""
    for kind, value in editions(call):
        yield f"{kind} {clean(value, _SHOWN)}", edition_key(kind), edition_key(kind, value)
    for tool in call.tools:
        name = f"definition of {clean(tool.name, _SHOWN)}"
        yield name, tool_definitions_key(tool.name), definition_key(tool.name, tool.digest)
