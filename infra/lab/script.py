"""What agents are told to do: turns on several servers, and which of them are attacks. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from ..demo.story import Session, Step

__all__ = ["ASSISTANT", "GOOD", "LAYERS", "LISTING", "NEXT", "Ask", "Script", "token_of"]

GOOD = "good"
NEXT = "next"
"""The desk server as its maker meant it, and the release after it."""
ASSISTANT = "desk-assistant"
"""The agent that is used for everything."""
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
    """One conversation of one principal with one agent. `release` is the build of the desk server that it meets,
    `trigger` the tool beside which an implant acts; `bad` is the turn that is an attack, of the story and form named,
    and `first` the step of it that is the attacker's first; `kinds` says of each turn what sort of work it is."""

    agent: str = ASSISTANT
    trigger: str = ""
    story: str = ""
    form: str = ""
    bad: int | None = None
    first: int = 0
    kinds: tuple[str, ...] = ()


def token_of(principal: str) -> str:
    """What a principal shows to the server over HTTP."""
    return f"lab-{principal}"
