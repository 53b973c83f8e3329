"""Which arguments the user named: digests of the prompts that an agent told of, met with those of the arguments.

Only digests meet, made by both producers under one key by one rule. What no prompt holds keeps the origin its gateway
gave it, and a result that showed the value first stays named beside the prompt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .events import ArgumentFact, Call

__all__ = ["prompted"]


def prompted(call: Call, prompts: Collection[str]) -> Call:
    """The call with the origin `prompt` at every argument that these digests of prompts hold; its coverage says that
    the agent was heard. Without digests, and where nothing changes, the call itself."""
    if not prompts or call.state == "background":
        return call
    arguments = tuple(_of(fact, prompts) for fact in call.arguments)
    if arguments == call.arguments and call.coverage.agent:
        return call
    return replace(call, arguments=arguments, coverage=replace(call.coverage, agent=True))


def _of(fact: ArgumentFact, prompts: Collection[str]) -> ArgumentFact:
    named = fact.origin != "prompt" and any(digest in prompts for digest in fact.digests)
    return replace(fact, origin="prompt") if named else fact
