"""Where the values of a tool's arguments come from: the user's prompt, an earlier result, or neither.

Counted like every other fact, in sessions, and only where the prompt was told: without it most values seem to come from
nowhere, and their counts would say nothing.
"""

from __future__ import annotations

from .acting import writes
from .events import ArgumentFact, Call
from .keys import key_of, place_of

__all__ = ["anywhere", "may_be_returned", "prompt_told", "source_key", "source_keys", "sources_told"]

_ANY = "*"


def source_key(tool: str, place: str, origin: str = _ANY) -> str:
    """The tool got a value from there at this place of its arguments; an empty tool means any that writes, an empty
    place any place, and without an origin from wherever somebody could tell."""
    return key_of("source", tool, place_of(place), origin)


def anywhere(tool: str, place: str) -> tuple[tuple[str, str], ...]:
    """A place of a tool, then the same place of all tools that write, then all their places."""
    return (tool, place), ("", place), ("", "")


def source_keys(call: Call, tool: str) -> tuple[str, ...]:
    """What a call tells of the origins of its values, or asks of them."""
    if not prompt_told(call):
        return ()
    told = [fact for fact in call.arguments if fact.origin != "unknown"]
    wider = 3 if writes(call) else 1
    return tuple(
        source_key(*where, origin)
        for fact in told
        for where in anywhere(tool, fact.pointer)[:wider]
        for origin in (_ANY, fact.origin)
    )


def prompt_told(call: Call) -> bool:
    """Whether the prompt behind a call was known when the origins of its values were told."""
    return call.coverage.agent or any(fact.origin == "prompt" for fact in call.arguments)


def sources_told(call: Call) -> bool:
    """Whether the counts of sources speak of a call: its prompt is known and, where it has values, a source of one."""
    told = not call.arguments or any(fact.origin != "unknown" for fact in call.arguments)
    return told and prompt_told(call)


def may_be_returned(fact: ArgumentFact) -> bool:
    """Whether nothing rules out that a value was taken from an earlier result."""
    return fact.origin in {"result", "unknown"}
