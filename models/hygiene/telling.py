"""Findings in the words of hygiene: the same again, one about a flood, and those that were held back."""

from __future__ import annotations

from dataclasses import replace

from ..events import Alert, Reason, RuleHit
from ..finding import event_id, finding_uid
from ..text import clean, plural
from .hygiene import Again, Flood

__all__ = ["FLOOD", "again", "flood"]

FLOOD = "hygiene.rate-limited"
_HOUR_NS = 3_600_000_000_000


def again(alert: Alert, verdict: Again) -> Alert:
    """The finding of a turn as an update of the finding that it repeats."""
    told = verdict.told
    fact = f"seen in {plural(told.turns, 'turn')} since the first one; shown here: the latest"
    return replace(
        alert,
        event_id=event_id(verdict.uid, told.sequence),
        finding_uid=verdict.uid,
        sequence=told.sequence,
        activity="update",
        started_ns=min(told.since_ns, alert.started_ns),
        reasons=(Reason(fact=fact, layer="chain"), *alert.reasons),
    )


def flood(alert: Alert, verdict: Flood, tenant: str) -> Alert:
    """The one finding about a flood, from the turn that was held back last."""
    uid = finding_uid(tenant, f"flood/{verdict.subject}/{alert.wall_ns // _HOUR_NS}")
    sequence = verdict.count.bit_length()
    what = f"Too many findings of {clean(verdict.subject, 120)}"
    message = f"{what}: {plural(verdict.count, 'finding')} held back in this hour; they stand in mcp.alerts.suppressed"
    return replace(
        alert,
        event_id=event_id(uid, sequence),
        finding_uid=uid,
        sequence=sequence,
        activity="create" if sequence == 1 else "update",
        title=what,
        message=message,
        rules=(RuleHit(id=FLOOD, version=1, title="Rate limit reached", severity=alert.severity),),
        reasons=(Reason(fact=message, layer="chain"), Reason(fact=f"the latest: {alert.title}", layer="chain")),
        score=None,
    )
