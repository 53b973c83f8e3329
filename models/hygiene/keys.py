"""By what two findings are the same: rule, server, tool, principal, and where it led."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence

from ..detections.engine import Hit
from ..detections.engine.subjects import Subject
from ..events import Call

__all__ = ["SCORE", "dedup_keys", "lasting", "net_of"]

SCORE = "score"
"""The rule of a finding that only the score raised."""
_NETS = {4: 24, 6: 48}


def dedup_keys(calls: Sequence[Call], hits: Sequence[Hit]) -> tuple[str, ...]:
    """One key a hit, 16 hex digits each; one for the score where no rule hit. The owner of a pod counts and not the
    pod, or each restart would be news."""
    if not hits:
        return (_key(SCORE, calls[-1], ()),)
    return tuple(sorted(set(map(_key_of, hits))))


def lasting(hits: Sequence[Hit]) -> dict[str, int]:
    """For how long each key stands whose rule says it, nanoseconds."""
    return {_key_of(hit): hit.rule.dedup.window_ns for hit in hits if hit.rule.dedup}


def _key_of(hit: Hit) -> str:
    """A rule may say itself what is the same: in its [dedup]; in Python it names its matches so. A window knows it."""
    rule = f"{hit.rule.id}@{hit.rule.version}"
    if hit.key:
        return _digest((rule, hit.key))
    if hit.rule.dedup:
        call, places = _about(hit)
        return _digest(
            (rule, *(f"{part}={value}" for part in hit.rule.dedup.by for value in _part(part, call, places)))
        )
    own = [] if hit.rule.steps else sorted({match.step for match in hit.matches if match.step})
    return _digest((rule, *own)) if own else _key(rule, *_about(hit))


def _about(hit: Hit) -> tuple[Call, tuple[str, ...]]:
    places = {place for match in hit.matches for place in _places(match.subject)}
    return hit.matches[-1].subject.call, tuple(sorted(places))


def _places(subject: Subject) -> Iterator[str]:
    """What was touched and where it led, coarse enough that neighbours are one."""
    effect = subject.effect
    if effect is not None:
        yield effect.kind
        if effect.sensitivity:
            yield effect.sensitivity
        if effect.address:
            yield net_of(effect.address)
    if subject.definition is not None:
        yield f"{subject.definition.name}={subject.definition.digest}"


def _key(rule: str, call: Call, places: Sequence[str]) -> str:
    placement = call.placement
    owner = placement.owner if placement and placement.owner else ""
    tool, principal = call.tool or call.method, call.principal
    return _digest((rule, owner, call.server.id, tool, principal.kind, principal.id, *places))


def _part(part: str, call: Call, places: Sequence[str]) -> Sequence[str]:
    """The values of one word of engine/dedup.py's PARTS."""
    placement, principal = call.placement, call.principal
    return {
        "server": (call.server.id,),
        "owner": (placement.owner if placement and placement.owner else "",),
        "workload": (call.workload,),
        "tool": (call.tool or call.method,),
        "principal": (principal.kind, principal.id),
        "conversation": (call.conversation,),
        "place": places,
    }[part]


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def net_of(address: str) -> str:
    """The /24 or /48 around an address; the text itself where it is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/{_NETS[found.version]}", strict=False))
