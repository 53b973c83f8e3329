"""Where the values of a tool's arguments come from: the user's prompt, an earlier result, or neither.

Counted like every other fact, in sessions. What nobody could tell is neither asked nor learned.
"""

from __future__ import annotations

from .acting import writes
from .events import ArgumentFact, Call
from .keys import key_of, place_of

__all__ = ["anywhere", "may_be_returned", "source_key", "source_keys", "sources_told"]

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
    told = [fact for fact in call.arguments if fact.origin != "unknown"]
    wider = 3 if writes(call) else 1
    return tuple(
        source_key(*where, origin)
        for fact in told
        for where in anywhere(tool, fact.pointer)[:wider]
        for origin in (_ANY, fact.origin)
    )


def sources_told(call: Call) -> bool:
    """Whether somebody looked where the values of a call come from; of no values there is nothing to tell."""
    return not call.arguments or any(fact.origin != "unknown" for fact in call.arguments)


def may_be_returned(fact: ArgumentFact) -> bool:
    """Whether nothing rules out that a value was taken from an earlier result."""
    return fact.origin in {"result", "unknown"}
