"""The demo's assertion step: findings against what the tool server wrote down, and against who was harmless.

Pure: records in, a list of checks out. A check that fails says what was expected and what was there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...models.events import Alert, Call, Effect
from .agent import Played
from .story import Attack
from .truth import Deed

__all__ = ["Attacked", "Check", "Evidence", "verify"]

_DEEDS = frozenset({"open", "connect"})


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Attacked:
    """An attack as it was played: the trace of its bad turn, and the wall clock when it began."""

    attack: Attack
    trace: str
    began_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the checks look at."""

    benign: Sequence[Played]
    third_party: Sequence[Played]
    attacked: Sequence[Attacked]
    deeds: Sequence[Deed]
    alerts: Sequence[Alert]
    calls: Mapping[str, Call]  # newest revision by call id
    ocsf: Sequence[Mapping[str, object]]
    leaks: Sequence[str] | None  # None where there was nothing to leak: a recording holds no canary
    dead_letters: Sequence[str]


def verify(evidence: Evidence) -> list[Check]:
    """Every check, in the order a reader wants them."""
    checks = [
        _quiet("harmless sessions", "workbench", evidence.benign, evidence),
        _quiet("third-party server", "git", evidence.third_party, evidence),
    ]
    for attacked in evidence.attacked:
        checks += _attack(attacked, evidence)
    checks.append(_every_call(evidence))
    checks.append(_readable_elsewhere(evidence))
    if evidence.leaks is not None:
        checks.append(
            Check("no canary in topics, logs, spools", not evidence.leaks, _some(evidence.leaks) or "none of 4")
        )
    checks.append(Check("no dead letters", not evidence.dead_letters, _some(evidence.dead_letters) or "0 records"))
    return checks


def _quiet(name: str, server: str, played: Sequence[Played], evidence: Evidence) -> Check:
    """Nothing was found on a server but the attacks: a start or a list of tools must not raise anything either."""
    attacked = {attacked.trace for attacked in evidence.attacked}
    bad = [
        alert.title for alert in evidence.alerts if alert.server.id == server and alert.correlation_id not in attacked
    ]
    sessions = len({turn.session.conversation for turn in played})
    return Check(f"{name} raised nothing", not bad, _some(bad) or f"{sessions} sessions, {len(played)} turns")


def _attack(attacked: Attacked, evidence: Evidence) -> Iterator[Check]:
    name = attacked.attack.name
    found = [alert for alert in evidence.alerts if alert.correlation_id == attacked.trace]
    uids = {alert.finding_uid for alert in found}
    yield Check(f"{name}: one finding", len(uids) == 1, ", ".join(sorted(uids)) or "none")
    if not found:
        return
    alert = max(found, key=lambda alert: alert.sequence)
    tools = {evidence.calls[call].tool for call in alert.call_ids if call in evidence.calls}
    right = attacked.attack.culprit in tools and tools <= set(attacked.attack.tools)
    yield Check(f"{name}: the right call", right, ", ".join(sorted(map(str, tools))))
    yield Check(f"{name}: binding exact", alert.binding == "exact", alert.binding)
    layers = [layer for layer in ("protocol", "execution", "agent") if getattr(alert.coverage, layer)]
    yield Check(f"{name}: three layers watched", len(layers) == 3, ", ".join(layers))
    yield _effects_are_truth(name, alert, evidence)


def _effects_are_truth(name: str, alert: Alert, evidence: Evidence) -> Check:
    calls = [evidence.calls[call] for call in alert.call_ids if call in evidence.calls]
    truth = frozenset().union(*(_truth_of(call, evidence.deeds) for call in calls))
    return _compare(f"{name}: effects equal the truth", seen(alert.effects), truth)


def _every_call(evidence: Evidence) -> Check:
    """All calls of the demo's own server, harmless or not, against the truth, each on its own."""
    calls = [call for call in evidence.calls.values() if (call.server.id, call.method) == ("workbench", "tools/call")]
    wrong = [call for call in calls if seen(call.effects) != _truth_of(call, evidence.deeds)]
    detail = f"{len(calls) - len(wrong)} of {len(calls)} calls" + "".join(
        f", {call.tool} differs" for call in wrong[:3]
    )
    return Check("every call: effects equal the truth", bool(calls) and not wrong, detail)


def _readable_elsewhere(evidence: Evidence) -> Check:
    ocsf = {
        str(_inner(finding, "finding_info", "uid")) for finding in evidence.ocsf if finding.get("class_uid") == 2004
    }
    uids = {alert.finding_uid for alert in evidence.alerts}
    return Check(
        "findings read by a bare consumer", bool(uids) and uids == ocsf, f"{len(ocsf)} of {len(uids)}, OCSF 2004"
    )


def _inner(record: Mapping[str, object], outer: str, inner: str) -> object:
    value = record.get(outer)
    return value.get(inner, "") if isinstance(value, Mapping) else ""


def seen(effects: Iterable[Effect]) -> frozenset[tuple[str, str]]:
    """What the sensor saw, in the words of the ground truth: every opened path and every connection."""
    return frozenset(
        (effect.kind, effect.path or "" if effect.kind == "open" else f"{effect.address}:{effect.port}")
        for effect in effects
        if effect.kind in _DEEDS
    )


def _truth_of(call: Call, deeds: Iterable[Deed]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (deed.kind, deed.target)
        for deed in deeds
        if deed.call and (deed.call.trace, deed.call.span) == (call.correlation_id, call.parent_span_id)
    )


def _compare(name: str, observed: frozenset[tuple[str, str]], truth: frozenset[tuple[str, str]]) -> Check:
    missed = [f"missed {kind} {target}" for kind, target in sorted(truth - observed)]
    alien = [f"not in the truth: {kind} {target}" for kind, target in sorted(observed - truth)]
    paths = sum(kind == "open" for kind, _ in truth)
    return Check(
        name,
        bool(truth) and observed == truth,
        _some(missed + alien) or f"{paths} paths, {len(truth) - paths} connections",
    )


def _some(items: Collection[str], most: int = 3) -> str:
    return "; ".join(list(items)[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")
