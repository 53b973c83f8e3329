"""What a run told, reduced to what must not depend on disturbances, and what is missing of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from ...models.bindings import weakest
from ...models.events import Alert, Call, DeadLetter, Effect
from ...models.turn import EARLY
from ..incidents import Incident, newest

__all__ = ["KINDS", "Losses", "Told", "Truth", "lost", "truth_of", "with_verdicts"]

Facts = tuple[Any, ...]
KINDS = ("calls", "findings", "incidents")
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What stands on the topics of results, each in the order of its partition."""

    calls: Iterable[Call] = ()
    alerts: Iterable[Alert] = ()
    incidents: Iterable[Incident] = ()
    letters: Iterable[DeadLetter] = ()
    audits: Iterable[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of each call, finding and incident its last revision; sessions that each server's baseline was taught by; how
    many records were buried, by code. `repeated`: records of calls and findings that said what was said before."""

    calls: Mapping[str, Facts]
    findings: Mapping[str, Facts]
    incidents: Mapping[str, Facts] = field(default_factory=dict)
    learned: Mapping[str, int] = field(default_factory=dict)
    buried: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0

    def of(self, kind: str) -> Mapping[str, Facts]:
        """One of KINDS."""
        return getattr(self, kind)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """By kind, sorted ids: of what is not there, is there otherwise, or is new. `differences` shows the first few.

    `outside`: no losses, but records of background that tell effects of calls once more (streams/README.md, limits).
    """

    missing: Mapping[str, tuple[str, ...]]
    changed: Mapping[str, tuple[str, ...]]
    foreign: Mapping[str, tuple[str, ...]]
    sessions_missing: int
    buried_wrong: int
    outside: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        named = sum(len(ids) for of in (self.missing, self.changed, self.foreign) for ids in of.values())
        return named + self.sessions_missing + self.buried_wrong


def truth_of(told: Told, learned: Mapping[str, int]) -> Truth:
    """What was told in the end."""
    last_calls: dict[str, Call] = {}
    parts: dict[str, dict[str, Effect]] = {}
    last_alerts: dict[str, Alert] = {}
    ids: Counter[str] = Counter()
    for call in told.calls:
        ids[call.event_id] += 1
        known = last_calls.get(call.call_id)
        if _whole(call) and (known is None or call.revision >= known.revision):
            last_calls[call.call_id] = call
        elif not call.coverage.protocol:
            parts.setdefault(call.call_id, {}).update((effect.source, effect) for effect in call.effects)
    for alert in told.alerts:
        ids[alert.event_id] += 1
        last_alerts[alert.finding_uid] = alert
    letters = {(one.topic, one.partition, one.offset): one.code for one in told.letters}
    said: dict[str, set[str]] = {}
    for audit in told.audits:
        said.setdefault(audit["entity"]["uid"], set()).add(audit["entity_result"]["version"])
    return Truth(
        calls={name: _of_call(call, parts.get(name, {})) for name, call in last_calls.items()},
        findings={uid: (*_of_alert(alert), *sorted(said.get(uid, ()))) for uid, alert in last_alerts.items()},
        incidents=dict(_of_incidents(told.incidents, last_alerts)),
        learned=learned,
        buried=Counter(letters.values()),
        repeated=sum(ids.values()) - len(ids),
    )


def with_verdicts(expected: Truth, label: str) -> Truth:
    """The same, had somebody said this of every finding that is closed: it says so, and an audit event does."""
    findings = {uid: (*facts[:3], (label,), label) for uid, facts in expected.findings.items()}
    return replace(expected, findings=findings)


def lost(expected: Truth, found: Truth) -> Losses:
    """What of `expected` is missing or different in `found`. More learned sessions than expected are no loss."""
    codes = expected.buried.keys() | found.buried.keys()
    outside = _outside(expected.calls, found.calls)
    found = replace(found, calls={name: facts for name, facts in found.calls.items() if name not in outside})
    pairs = {kind: (expected.of(kind), found.of(kind)) for kind in KINDS}
    differences = [line for ours, theirs in pairs.values() for line in _differences(ours, theirs)]
    return Losses(
        missing={kind: _missing(ours, theirs) for kind, (ours, theirs) in pairs.items()},
        changed={kind: _changed(ours, theirs) for kind, (ours, theirs) in pairs.items()},
        foreign={kind: _missing(theirs, ours) for kind, (ours, theirs) in pairs.items()},
        sessions_missing=sum(max(0, n - found.learned.get(server, 0)) for server, n in expected.learned.items()),
        buried_wrong=sum(abs(expected.buried.get(code, 0) - found.buried.get(code, 0)) for code in codes),
        outside=outside,
        differences=tuple(differences[:_SHOWN]),
    )


def _whole(call: Call) -> bool:
    """Neither an early record nor the part of a call: the first revision replaces the one, the other only adds."""
    return EARLY not in call.coverage.notes and (call.coverage.protocol or call.state == "background")


def _of_call(call: Call, parts: Mapping[str, Effect]) -> Facts:
    """Parts add the effects that the call does not have."""
    known = {**parts, **{effect.source: effect for effect in call.effects}}.values()
    effects = tuple(sorted((one.source, one.binding, one.candidates) for one in known))
    binding = call.binding if len(known) == len(call.effects) else weakest(one.binding for one in known)
    about = (call.state, call.method, call.tool, call.correlation_id, call.conversation, call.workload)
    return (*about, call.started_ns, call.ended_ns, call.is_error, binding, call.anomalies, effects)


def _of_alert(alert: Alert) -> Facts:
    """Without verdicts the last of it is empty."""
    verdicts = tuple(label for label in alert.labels if label.startswith("verdict:"))
    return (alert.correlation_id, alert.activity, tuple(sorted(hit.id for hit in alert.rules)), verdicts)


def _of_incidents(told: Iterable[Incident], alerts: Mapping[str, Alert]) -> Iterator[tuple[str, Facts]]:
    """Of each incident that stands: its findings, where they were, how it ended, and whether it tells the last
    revision of every finding. One that is part of another stands no more: which ones were named before is chance."""
    for incident in newest(told):
        mcp = incident["unmapped"]["mcp"]
        if mcp["incident"]["merged_into"]:
            continue
        members = sorted(finding["uid"] for finding in incident["finding_info_list"])
        known = [alerts[uid] for uid in members if uid in alerts]
        revisions = sum(alert.sequence + (alert.activity == "close") for alert in known)
        up_to_date = mcp["incident"]["revision"] >= revisions
        yield mcp["incident"]["uid"], (tuple(members), sorted(mcp["clusters"]), incident["status"], up_to_date)


def _outside(expected: Mapping[str, Facts], found: Mapping[str, Facts]) -> tuple[str, ...]:
    of_calls = {source for *_, effects in expected.values() for source, *_ in effects}
    new = {name: found[name] for name in _missing(found, expected) if found[name][0] == "background"}
    return tuple(name for name, (*_, effects) in new.items() if {source for source, *_ in effects} <= of_calls)


def _missing(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(expected.keys() - found.keys()))


def _changed(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name]))


def _differences(expected: Mapping[str, Facts], found: Mapping[str, Facts]) -> Iterator[str]:
    yield from (f"{name} is missing: {expected[name]!r}" for name in _missing(expected, found))
    yield from (f"{name} should not be: {found[name]!r}" for name in _missing(found, expected))
    for name in _changed(expected, found):
        pairs = zip_longest(expected[name], found[name])
        yield f"{name}: " + ", ".join(f"{theirs!r} instead of {ours!r}" for ours, theirs in pairs if ours != theirs)
