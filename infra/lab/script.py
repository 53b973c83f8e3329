"""What agents are told to do: turns on several servers, and which of them are attacks. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from ..demo.story import Session, Step

__all__ = ["GOOD", "LAYERS", "LISTING", "NEXT", "Ask", "Script"]

GOOD = "good"
NEXT = "next"
"""The desk server as its maker meant it, and the release after it."""
LAYERS = ("protocol", "execution", "agent")
LISTING = "tools/list"
"""In place of a tool: the agent asks what tools there are."""


@dataclass(frozen=True, slots=True)
class Ask(Step):
    """One tool call on one of the servers. `announced`: whether the agent's own spans tell of it; `session`: over HTTP
    the session it is sent in when it is not the agent's own, `foreign` for one of another principal."""

    server: str = "desk"
    announced: bool = True
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Session):
    """One conversation of one principal. `release` is the build of the desk server that it meets, `trigger` the tool
    beside which an implant acts; `bad` are the turns that are attacks, of the story and form named; `kinds` says of
    each turn what sort of work it is."""

    trigger: str = ""
    story: str = ""
    form: str = ""
    bad: frozenset[int] = frozenset()
    kinds: tuple[str, ...] = ()
