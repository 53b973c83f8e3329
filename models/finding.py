"""One finding per turn, whatever rules and score say of it: what happened, how bad, how sure, and why.

Deterministic: the same turn gives the same id and the same words, so a replay is an upsert. No clock is read.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from . import describe, grading
from .baseline import BaselineView, is_outside
from .detections.engine import Hit, NotJudged
from .detections.engine.matching import Match
from .detections.engine.rule import SEVERITIES
from .detections.engine.subjects import agreeing
from .events import Alert, Binding, Call, Coverage, Layer, Principal, Reason, Score, Server
from .risk import Judgement
from .text import clean, endpoint, plural
from .timeline import MOST, Story, tell
from .turn import Turn

__all__ = ["Gist", "assemble", "close", "event_id", "finding_uid", "gist", "gist_of"]

Gist = tuple[object, ...]

_NAMESPACE = uuid.UUID("6f0c1c6e-6a54-5d0b-9b8e-7f3d0f6f2a11")
_MOST_REASONS = 24
_MESSAGE = 600
_ID = 256


def finding_uid(tenant: str, turn_key: str) -> str:
    """`trp-` and 16 hex digits of SHA-256 over tenant and turn."""
    return "trp-" + hashlib.sha256(f"{tenant}\0{turn_key}".encode()).hexdigest()[:16]


def event_id(uid: str, sequence: int) -> str:
    """The id of one revision of a finding (UUIDv5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{uid}/{sequence}"))


def assemble(
    turn: Turn,
    hits: Sequence[Hit],
    judgement: Judgement | None,
    views: Mapping[str, BaselineView],
    *,
    tenant: str,
    labels: tuple[str, ...] = (),
    told: int = 0,
    not_judged: Sequence[NotJudged] = (),
) -> Alert:
    """The finding of a turn, of which `told` revisions were told. The turn needs at least one call."""
    hits = sorted(hits, key=lambda hit: (-SEVERITIES.index(hit.severity), -hit.risk, -len(hit.matches), hit.rule.id))
    calls = _calls(turn, hits)
    primary = hits[0].matches[-1].subject.call if hits else calls[-1]
    story = tell(turn, frozenset(source for hit in hits for source in hit.record.evidence), calls)
    uid, sequence = finding_uid(tenant, turn.key), told + 1
    started_ns, ended_ns = _extent(turn)
    alert = replace(
        _about(primary),
        event_id=event_id(uid, sequence),
        wall_ns=ended_ns,
        finding_uid=uid,
        sequence=sequence,
        activity="update" if told else "create",
        title=_title(primary, hits),
        message=_message(primary, hits, judgement, views),
        agent=next((clean(span.agent, 128) for span in turn.spans if span.agent), None),
        call_ids=tuple(call.call_id for call in calls),
        started_ns=started_ns,
        ended_ns=ended_ns,
        reasons=_reasons(hits, judgement, views),
        coverage=_coverage(turn, story, not_judged),
        timeline=story.timeline,
        effects=story.effects,
        unobserved=tuple(dict.fromkeys(clean(pointer, 128) for call in calls for pointer in call.unobserved))[:MOST],
        labels=labels,
    )
    return _graded(alert, hits, judgement.score if judgement else None, grading.binding_of(hits, calls))


def _about(primary: Call) -> Alert:
    """What the finding takes over from the call it points at."""
    return Alert(
        workload=primary.workload,
        correlation_id=clean(primary.correlation_id, _ID),
        call_id=primary.call_id,
        mono_ns=primary.mono_ns,
        boot_id=primary.boot_id,
        host=clean(primary.host),
        cluster=clean(primary.cluster),
        key_id=primary.key_id,
        conversation=clean(primary.conversation, _ID),
        principal=_harmless_principal(primary.principal),
        server=_harmless_server(primary.server),
        tool=_harmless(primary.tool, 128),
    )


def _harmless(text: str | None, cap: int = 256) -> str | None:
    return clean(text, cap) if text else None


def _harmless_principal(principal: Principal) -> Principal:
    return replace(principal, id=clean(principal.id), executable=_harmless(principal.executable))


def _harmless_server(server: Server) -> Server:
    return replace(
        server,
        id=clean(server.id),
        claimed_name=_harmless(server.claimed_name, 128),
        claimed_version=_harmless(server.claimed_version, 64),
        executable=_harmless(server.executable),
    )


def _graded(alert: Alert, hits: Sequence[Hit], score: Score | None, binding: Binding) -> Alert:
    return replace(
        alert,
        severity=grading.severity_of(hits, score, alert.coverage, binding),
        risk=grading.risk_of(hits, score),
        confidence=grading.confidence_of(hits, score, alert.coverage, binding),
        rules=tuple(hit.record for hit in hits),
        score=score,
        binding=binding,
    )


def close(alert: Alert) -> Alert:
    """The last revision of a finding: nothing new is expected."""
    sequence = alert.sequence + 1
    return replace(alert, event_id=event_id(alert.finding_uid, sequence), sequence=sequence, activity="close")


def gist(alert: Alert) -> Gist:
    """What of a finding an analyst must know at once: severity, risk, rules, calls, layers and binding."""
    layers = (alert.coverage.protocol, alert.coverage.execution, alert.coverage.agent)
    rules = frozenset(hit.id for hit in alert.rules)
    return alert.severity, grading.band(alert.risk), rules, alert.call_ids, layers, alert.binding


def gist_of(turn: Turn, hits: Sequence[Hit], judgement: Judgement | None) -> Gist:
    """The gist of the finding that assemble() would make of this, at a fraction of its price."""
    calls, coverage = _calls(turn, hits), grading.coverage_of(turn)
    score, binding = judgement.score if judgement else None, grading.binding_of(hits, calls)
    return (
        grading.severity_of(hits, score, coverage, binding),
        grading.band(grading.risk_of(hits, score)),
        frozenset(hit.rule.id for hit in hits),
        tuple(call.call_id for call in calls),
        (coverage.protocol, coverage.execution, coverage.agent),
        binding,
    )


def _calls(turn: Turn, hits: Sequence[Hit]) -> tuple[Call, ...]:
    """The calls the finding rests on: those that rules point at, else all."""
    pointed_at = {match.subject.call.call_id for hit in hits for match in hit.matches}
    return tuple(call for call in turn.calls if not hits or call.call_id in pointed_at)


def _extent(turn: Turn) -> tuple[int, int]:
    """First and last event of a turn. The end of an agent's span may lie far behind, so spans count by their start."""
    times = [span.started_ns for span in turn.spans]
    for call in turn.calls:
        times += (call.started_ns, max(call.started_ns, call.ended_ns))
        times += (effect.wall_ns for effect in call.effects)
    return min(times), max(times)


def _coverage(turn: Turn, story: Story, not_judged: Sequence[NotJudged]) -> Coverage:
    coverage = grading.coverage_of(turn)
    notes = [*coverage.notes, *(f"not judged: {entry.rule} ({entry.reason})" for entry in not_judged)]
    if dropped := sum(call.effects_dropped for call in turn.calls):
        notes.append(f"{plural(dropped, 'effect')} beyond the bound of a call")
    if story.entries_left_out:
        notes.append(f"timeline shortened by {plural(story.entries_left_out, 'line')}")
    if story.effects_left_out:
        notes.append(f"{plural(story.effects_left_out, 'effect')} not shown")
    return replace(coverage, notes=tuple(clean(note) for note in notes))


def _title(primary: Call, hits: Sequence[Hit]) -> str:
    where = f"{describe.tool_of(primary)} on {clean(primary.server.id, 60) or 'a server not heard of yet'}"
    return clean(f"{hits[0].rule.title}: {where}" if hits else f"Unusual for this server: {where}")


def _message(primary: Call, hits: Sequence[Hit], judgement: Judgement | None, views: Mapping[str, BaselineView]) -> str:
    """The story of the worst rule in one sentence; the strongest reason where only the score speaks."""
    if not hits:
        strongest = max(judgement.reasons, key=lambda reason: reason.weight, default=None) if judgement else None
        tail = f": {strongest.fact}" if strongest else ""
        return clean(f"{describe.tool_of(primary)} behaved in a way unusual for this server{tail}", _MESSAGE)
    matches = hits[0].matches
    told, before, last = "", None, ""
    for match in matches:
        sentence = describe.matched(match)
        if sentence == last:
            continue
        last, call = sentence, match.subject.call
        if before is call:
            sentence = sentence.removeprefix(describe.tool_of(call) + " ")
        told += f" and then {sentence}" if told else sentence
        before = call
    return clean(", ".join(filter(None, (told, *_familiarity(matches[-1], views)))), _MESSAGE)


def _familiarity(match: Match, views: Mapping[str, BaselineView]) -> tuple[str, ...]:
    """The counts behind the last step."""
    if match.seen or match.said:
        return describe.counted(match)
    effect, call = match.subject.effect, match.subject.call
    if effect is None or not effect.address:
        return ()
    return (describe.destination_seen(call, effect, views.get(call.server.id)),)


def _reasons(hits: Sequence[Hit], judgement: Judgement | None, views: Mapping[str, BaselineView]) -> tuple[Reason, ...]:
    """Facts of the rules with their counts, then those of the score, each once; last, whether layers agree."""
    reasons = {reason.fact: reason for hit in hits for match in _latest(hit.matches) for reason in _facts(match, views)}
    for reason in judgement.reasons if judgement else ():
        reasons.setdefault(clean(reason.fact), replace(reason, fact=clean(reason.fact)))
    agreed = (*_agreement(judgement.layers),) if judgement else ()
    return (*tuple(reasons.values())[: _MOST_REASONS - len(agreed)], *agreed)


def _agreement(layers: Mapping[Layer, float]) -> Iterator[Reason]:
    """The risk of each layer from its own features only: a score that two layers bear weighs more than one."""
    if layers:
        risks = ", ".join(
            f"{layer} {layers[layer]:.0f}" for layer in sorted(layers, key=lambda one: (-layers[one], one))
        )
        count = f"{agreeing(layers)} of {plural(len(layers), 'layer')}"
        yield Reason(fact=f"unusual by itself in {count} (risk of {risks})", layer="chain")


def _latest(matches: Sequence[Match]) -> Iterator[Match]:
    """The matches of a rule; of a window that went on the counts of the last one only."""
    for match in matches:
        yield replace(match, said=()) if match.said and match is not matches[-1] else match


def _facts(match: Match, views: Mapping[str, BaselineView]) -> Iterator[Reason]:
    layer: Layer = "execution" if match.subject.effect is not None else "protocol"
    yield Reason(fact=clean(describe.matched(match)), layer=layer)
    effect, call = match.subject.effect, match.subject.call
    if effect is not None and effect.address and is_outside(effect) and not match.seen:
        seen = describe.destination_seen(call, effect, views.get(call.server.id))
        if seen:
            yield Reason(fact=clean(f"{endpoint(effect.address, effect.port)}: {seen}"), layer=layer)
    for fact in describe.counted(match):
        yield Reason(fact=clean(fact), layer=layer)
