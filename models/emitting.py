"""Findings of an operator's own consumers, as one of ours: ids, cleaning, evidence and both forms come with them.

Deterministic: the same call, rule and dedup text give the same finding, so a consumer that starts again repeats itself
and does no harm.
"""

from __future__ import annotations

from pathlib import Path

from . import finding, ocsf, topics
from .custom import rule_of, slug
from .detections.engine import Hit
from .detections.engine.matching import Match
from .detections.engine.subjects import Subject
from .events import Alert, Call
from .text import clean
from .turn import Turn
from .wire import Codec

__all__ = ["Record", "finding_about", "records_of"]

_HOUR_NS = 3_600_000_000_000
Record = tuple[str, bytes, bytes, tuple[tuple[str, bytes], ...]]
"""Topic, key, value and headers."""


def finding_about(
    call: Call,
    *,
    rule: str,
    title: str,
    severity: str = "medium",
    facts: tuple[str, ...] = (),
    dedup: str = "",
    tenant: str = "default",
) -> Alert:
    """A finding of the rule `own.<rule>` about one call. Within an hour of event time, equal `dedup` (server, tool and
    principal where it is empty) is the same finding."""
    same = dedup or "\0".join((call.server.id, call.tool or call.method, call.principal.kind, call.principal.id))
    identifier = f"own.{slug(rule)}"
    turn = Turn(f"{identifier}/{same}/{call.started_ns // _HOUR_NS}", (call,))
    subject = Subject(turn, call, call.started_ns, max(call.started_ns, call.ended_ns))
    said = tuple(clean(fact) for fact in facts)
    known = rule_of(identifier, title, severity, file=Path(), digest="")
    hit = Hit(known, known.severity, known.risk, (Match("", subject, said=said),))
    return finding.assemble(turn, [hit], None, {}, tenant=tenant)


def records_of(
    alert: Alert, codec: Codec, *, tenant: str = "default", version: str = ocsf.DEFAULT
) -> tuple[Record, Record]:
    """The finding for stream consumers and for SIEMs, to be sent by any client with `murmur2` partitioning."""
    body = ocsf.render(alert, tenant=tenant, version=version)
    headers = ocsf.headers(alert, tenant=tenant, version=version)
    return (
        (topics.ALERTS, alert.workload.encode(), codec.encode(alert), ()),
        (topics.ALERTS_OCSF, alert.finding_uid.encode(), body, headers),
    )
