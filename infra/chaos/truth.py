"""What a run told, reduced to what must not depend on disturbances, and what is missing of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...models.events import Alert, Call
from ...models.turn import EARLY

__all__ = ["Losses", "Truth", "lost", "truth_of"]

Facts = tuple[Any, ...]
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of each call and each finding its last revision; sessions that each server's baseline was taught by; how many
    records were buried, by code."""

    calls: Mapping[str, Facts]
    findings: Mapping[str, Facts]
    learned: Mapping[str, int] = field(default_factory=dict)
    buried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Each a sorted list of ids: of calls and findings that are not there, are there otherwise, or are new.

    `differences` shows the first few of what is there otherwise.
    """

    calls_missing: tuple[str, ...]
    calls_changed: tuple[str, ...]
    findings_missing: tuple[str, ...]
    findings_changed: tuple[str, ...]
    uids_foreign: tuple[str, ...]
    sessions_missing: int
    buried_wrong: int
    differences: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        named = (self.calls_missing, self.calls_changed, self.findings_missing, self.findings_changed)
        return sum(map(len, named)) + len(self.uids_foreign) + self.sessions_missing + self.buried_wrong


def truth_of(
    calls: Iterable[Call], alerts: Iterable[Alert], learned: Mapping[str, int], buried: Mapping[str, int]
) -> Truth:
    """From the records in the order they stand in their partitions."""
    last_calls: dict[str, Call] = {}
    for call in calls:
        known = last_calls.get(call.call_id)
        if _whole(call) and (known is None or call.revision >= known.revision):
            last_calls[call.call_id] = call
    last_alerts = {alert.finding_uid: alert for alert in alerts}
    return Truth(
        calls={name: _of_call(call) for name, call in last_calls.items()},
        findings={uid: _of_alert(alert) for uid, alert in last_alerts.items()},
        learned=learned,
        buried=buried,
    )


def lost(expected: Truth, found: Truth) -> Losses:
    """What of `expected` is missing or different in `found`. More learned sessions than expected are no loss."""
    codes = expected.buried.keys() | found.buried.keys()
    differences = [*_differences(expected.calls, found.calls), *_differences(expected.findings, found.findings)]
    return Losses(
        calls_missing=_missing(expected.calls, found.calls),
        calls_changed=_changed(expected.calls, found.calls),
        findings_missing=_missing(expected.findings, found.findings),
        findings_changed=_changed(expected.findings, found.findings),
        uids_foreign=_missing({**found.findings, **found.calls}, {**expected.findings, **expected.calls}),
        sessions_missing=sum(max(0, n - found.learned.get(server, 0)) for server, n in expected.learned.items()),
        buried_wrong=sum(abs(expected.buried.get(code, 0) - found.buried.get(code, 0)) for code in codes),
        differences=tuple(differences[:_SHOWN]),
    )


def _whole(call: Call) -> bool:
    """Neither an early record nor the part of a call: the first revision replaces the one, the other only adds."""
    return EARLY not in call.coverage.notes and (call.coverage.protocol or call.state == "background")


def _of_call(call: Call) -> Facts:
    effects = tuple(sorted((one.source, one.binding, one.candidates) for one in call.effects))
    about = (call.state, call.method, call.tool, call.correlation_id, call.conversation, call.workload)
    return (*about, call.started_ns, call.ended_ns, call.is_error, call.binding, call.anomalies, effects)


def _of_alert(alert: Alert) -> Facts:
    return (alert.correlation_id, alert.activity, tuple(sorted(hit.id for hit in alert.rules)))


def _missing(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(expected.keys() - found.keys()))


def _changed(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name]))


def _differences(expected: Mapping[str, Facts], found: Mapping[str, Facts]) -> Iterator[str]:
    for name in _changed(expected, found):
        pairs = zip(expected[name], found[name], strict=True)
        yield f"{name}: " + ", ".join(f"{theirs!r} instead of {ours!r}" for ours, theirs in pairs if ours != theirs)
