"""Stage 2: calls and agent spans of one correlation id, judged again at every arrival. A pure class.

One finding a turn, under one id for ever. A turn becomes normal only when it closes having raised nothing; what raised
something is never learned. Closed turns are remembered for a while, so that late facts amend and do not start anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..models import finding, ocsf, topics
from ..models.baseline import BaselineView, turn_keys
from ..models.detections.engine import Evaluation
from ..models.errors import ConfigError
from ..models.events import AgentSpan, Alert, Call
from ..models.features import measured
from ..models.history import principal_of, reduced, session_of, to_json
from ..models.model import Model
from ..models.risk import judge
from ..models.turn import EARLY, Turn
from .deadlines import Deadlines
from .known import Known, Learn, Remember, Wanted
from .openturn import OpenTurn
from .stage import Input, Output, Pin, Step

__all__ = ["JudgeTimes", "Judging", "Rules", "Turns", "key_of"]

SATURATED = 10_000


class Rules(Protocol):
    """What models.detections.engine.Rulebook does."""

    def evaluate(self, turn: Turn, views: Mapping[str, BaselineView]) -> Evaluation: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTimes:
    """Event time, nanoseconds: how long a turn stays open after its last record, at most, and is remembered closed."""

    gap_ns: int = 30_000_000_000
    max_turn_ns: int = 600_000_000_000
    late_ns: int = 60_000_000_000

    def __post_init__(self) -> None:
        if not 0 < self.gap_ns <= self.max_turn_ns or self.late_ns < 0:
            raise ConfigError(
                f"a turn with a gap of {self.gap_ns} ns cannot last at most {self.max_turn_ns} ns", "lower turn_gap_s"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How findings are made and where they go. `alert_risk`: the score that is a finding by itself."""

    tenant: str = "default"
    labels: tuple[str, ...] = ()
    alert_risk: float = 75.0
    ocsf_version: str = ocsf.DEFAULT
    alerts: str = topics.ALERTS
    alerts_ocsf: str = topics.ALERTS_OCSF

    def __post_init__(self) -> None:
        if not 0 < self.alert_risk <= 100:
            raise ConfigError(f"alert_risk is {self.alert_risk}", "25 is one in ten normal turns, 75 one in a thousand")
        if self.ocsf_version not in ocsf.VERSIONS:
            raise ConfigError(f"OCSF {self.ocsf_version} cannot be written", f"one of {', '.join(ocsf.VERSIONS)}")


def key_of(record: Call | AgentSpan) -> str:
    """The turn a record belongs to. Effects without a call are a turn of their own."""
    if isinstance(record, AgentSpan):
        return record.correlation_id or record.trace_id
    if record.state == "background":
        return f"{record.workload}/{record.call_id}"
    return record.correlation_id or record.call_id


class Turns:
    """The stage `turns` of one co-partition."""

    def __init__(self, times: JudgeTimes, judging: Judging, rules: Rules) -> None:
        self._times = times
        self._judging = judging
        self._rules = rules
        self._turns: dict[str, OpenTurn] = {}
        self._due: Deadlines[str] = Deadlines()
        self._watermark = 0
        self._totals = dict.fromkeys(
            ("created", "updated", "learned", "quarantined", "late", "superseded", "trimmed"), 0
        )

    def counts(self) -> dict[str, int]:
        """How often what happened since this stage began."""
        return dict(self._totals)

    def levels(self) -> dict[str, int]:
        """How much there is now."""
        closed = sum(turn.closed for turn in self._turns.values())
        return {"open": len(self._turns) - closed, "closed": closed}

    def wanted(self, records: Sequence[Input]) -> Wanted:
        """What the turns of these records ask of their servers' baselines and have no answer to yet."""
        coming: dict[str, list[Call]] = {}
        for record in records:
            if isinstance(record, Call):
                coming.setdefault(key_of(record), []).append(record)
        keys: dict[str, dict[str, None]] = {}
        for key, calls in coming.items():
            turn = self._turns.get(key) or OpenTurn(key)
            for server, asked in turn.questions(calls).items():
                keys.setdefault(server, {}).update(dict.fromkeys(asked))
        return Wanted({server: tuple(asked) for server, asked in keys.items()})

    def next_deadline(self) -> int | None:
        return self._due.next()

    def add(self, record: Input, pin: Pin, known: Known | None) -> Step:
        """Take a call or an agent span. Anything else raises TypeError."""
        if not isinstance(record, Call | AgentSpan):
            raise TypeError(f"no turn holds a record of type {type(record).__name__}")
        key = key_of(record)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = OpenTurn(key)
        if not turn.take(record):
            self._totals["superseded"] += 1
            return Step()
        self._totals["late"] += turn.closed
        forgotten = turn.trim(record)
        self._totals["trimmed"] += len(forgotten)
        turn.keep(pin, record.wall_ns)
        known = known or Known()
        if isinstance(record, Call):
            turn.learn_of(record, forgotten, known.views)
        outputs = self._judge(turn, known.model)
        self._due.set(key, self._closes_at(turn))
        return Step(outputs=tuple(outputs))

    def advance(self, watermark_ns: int) -> Step:
        self._watermark = max(self._watermark, watermark_ns)
        steps = [self._fall_due(self._turns[key]) for key in self._due.due(self._watermark)]
        return Step(
            outputs=tuple(output for step in steps for output in step.outputs),
            writes=tuple(write for step in steps for write in step.writes),
            releases=tuple(pin for step in steps for pin in step.releases),
        )

    def _closes_at(self, turn: OpenTurn) -> int:
        return min(turn.last_ns + self._times.gap_ns, turn.opened_ns + self._times.max_turn_ns)

    def _fall_due(self, turn: OpenTurn) -> Step:
        if turn.closed:
            del self._turns[turn.key]
            return Step()
        writes = self._writes(turn)
        outputs = self._end(turn)
        releases = turn.close()
        self._due.set(turn.key, self._watermark + self._times.late_ns)
        return Step(outputs=outputs, writes=writes, releases=releases)

    def _judge(self, turn: OpenTurn, model: Model | None) -> Iterable[Output]:
        """The finding, when there is one and it tells something new. Rules wait for no model and no end of a call."""
        known = turn.turn()
        if not known.calls:
            return ()
        evaluation = self._rules.evaluate(known, turn.views)
        whole = not any(EARLY in call.coverage.notes for call in known.calls)
        judgement = judge(model, known, turn.views) if model and whole else None
        if not evaluation.hits and not (judgement and judgement.alerts(self._judging.alert_risk)):
            return ()
        alert = finding.assemble(
            known,
            evaluation.hits,
            judgement,
            turn.views,
            tenant=self._judging.tenant,
            labels=self._judging.labels,
            previous=turn.finding,
            not_judged=evaluation.not_judged,
        )
        turn.latest = alert
        if turn.finding is not None and not finding.material_change(turn.finding, alert):
            return ()
        self._totals["updated" if turn.finding else "created"] += 1
        turn.finding = alert
        return self._outputs(alert)

    def _end(self, turn: OpenTurn) -> tuple[Output, ...]:
        """The last revision of a finding, with all that came since the one before; late facts may still update it."""
        if turn.finding is None or turn.latest is None or turn.finding.activity == "close":
            return ()
        turn.finding = finding.close(replace(turn.latest, sequence=turn.finding.sequence))
        return self._outputs(turn.finding)

    def _outputs(self, alert: Alert) -> tuple[Output, ...]:
        judging = self._judging
        body = ocsf.render(alert, tenant=judging.tenant, version=judging.ocsf_version)
        headers = ocsf.headers(alert, tenant=judging.tenant, version=judging.ocsf_version)
        return (
            Output(judging.alerts, alert.workload, alert),
            Output(judging.alerts_ocsf, alert.finding_uid, body, headers),
        )

    def _writes(self, turn: OpenTurn) -> tuple[Learn | Remember, ...]:
        """What a turn that raised nothing teaches."""
        known = turn.turn()
        if turn.finding is not None or not known.calls:
            self._totals["quarantined"] += turn.finding is not None
            return ()
        self._totals["learned"] += 1
        writes: list[Learn | Remember] = [self._learn(turn, known, server) for server in known.servers if server]
        if measured(known).calls:
            body = to_json(reduced(known))
            writes.append(Remember(turn=turn.key, started_ns=known.calls[0].started_ns, body=body))
        return tuple(writes)

    def _learn(self, turn: OpenTurn, known: Turn, server: str) -> Learn:
        view = turn.views.get(server) or BaselineView(server)
        keys = turn_keys(known.calls, server, learned=True)
        background = all(call.state == "background" for call in known.calls)
        workload = known.calls[0].workload
        return Learn(
            server=server,
            session=workload if background else session_of(known),
            principal=workload if background else principal_of(known),
            keys=tuple(key for key in keys if view.support(key).sessions < SATURATED),
            seen_ns=turn.last_ns,
            counts=not background and view.sessions < SATURATED,
        )
