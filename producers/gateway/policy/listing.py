"""What a server's message says of tools, held against the pins. The message passes; its event says what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..observer.message import Shape
    from ..observer.observe import Message
    from .policy import Policy, Verdict

__all__ = ["annotate", "judge_list"]

_AMBIGUOUS = frozenset({"bare-cr", "duplicate-key", "oversize", "too-deep", "trailing-data"})
_MOST_EVIDENCE = 16


def judge_list(policy: Policy, message: Message, *, listing: bool) -> None:
    """`listing` says whether the server owes or just gave the reply to a tools/list. Any reply with tools is held
    against the pins: clients match ids more generously than we do.
    """
    shape = message.shape
    tools = _tools(shape)
    ambiguous = not _AMBIGUOUS.isdisjoint(shape.anomalies)
    if isinstance(tools, list) or (listing and ambiguous):
        annotate(message, policy.listed(tools if isinstance(tools, list) else [], faithful=not ambiguous))


def annotate(message: Message, verdict: Verdict) -> None:
    """Let the event of a message name the rules it breaks."""
    if verdict.rules:
        message.facts["policy"] = list(verdict.rules)
        room = _MOST_EVIDENCE - len(message.evidence)
        message.evidence += verdict.evidence[: max(0, room)]


def _tools(shape: Shape) -> object:
    result = shape.body.get("result")
    return result.get("tools") if isinstance(result, dict) else None
