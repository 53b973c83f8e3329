"""Stage 2: calls and agent spans of one correlation id, judged again at every arrival. A pure class.

One finding a turn, under one id for ever. A turn becomes normal only when it closes having raised nothing; what raised
something, or could not be judged, is never learned. Closed turns are remembered for a while, so that late facts amend
and do not start anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from ..models.detections.engine import WindowHit
from ..models.errors import ConfigError
from ..models.events import AgentSpan, Alert, Call
from .deadlines import Deadlines
from .judgement import Judge
from .known import Known, Learn, Quarantine, Remember, Sampled, Told, Wanted, revision_key
from .learning import lessons, quarantined
from .observing import Observing
from .openturn import OpenTurn
from .pins import Pin
from .sightings import Sightings
from .stage import ROOM, Input, Output, Step

__all__ = ["JudgeTimes", "Turns", "key_of"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTimes:
    """Event time, nanoseconds: how long a turn stays open after its last record, at most, and is remembered closed.
    `most_kept`: the calls, effects and spans that all turns of a co-partition may hold together."""

    gap_ns: int = 30_000_000_000
    max_turn_ns: int = 600_000_000_000
    late_ns: int = 60_000_000_000
    most_kept: int = 200_000

    def __post_init__(self) -> None:
        if self.most_kept < 1_000:
            raise ConfigError(f"turns cannot do with {self.most_kept} calls and effects in all", "1000 at least")
        if not 0 < self.gap_ns <= self.max_turn_ns or self.late_ns < 0:
            raise ConfigError(
                f"a turn with a gap of {self.gap_ns} ns cannot last at most {self.max_turn_ns} ns", "lower turn_gap_s"
            )


def key_of(record: Call | AgentSpan) -> str:
    """The turn a record belongs to. Effects without a call are a turn of their own."""
    if isinstance(record, AgentSpan):
        return record.correlation_id or record.trace_id
    if record.state == "background":
        return f"{record.workload}/{record.call_id}"
    return record.correlation_id or record.call_id


class Turns:
    """The stage `turns` of one co-partition."""

    def __init__(self, times: JudgeTimes, judge: Judge) -> None:
        self._times = times
        self._judge = judge
        self._sightings = Sightings(judge.rules)
        self._observing = Observing(judge.alert_risk, judge.drawing)
        self._turns: dict[str, OpenTurn] = {}
        self._due: Deadlines[str] = Deadlines()
        self._watermark = 0
        self._kept = self._closed = 0
        self._totals = dict.fromkeys(
            ("created", "updated", "learned", "quarantined", "late", "superseded", "trimmed", "crowded", "failed"), 0
        )

    def counts(self) -> dict[str, int]:
        """How often what happened since this stage began."""
        return {**self._totals, **self._observing.counts()}

    def levels(self) -> dict[str, int]:
        """How much there is now."""
        return {"open": len(self._turns) - self._closed, "closed": self._closed, "kept": self._kept}

    def crowding(self) -> bool:
        return ROOM * self._kept > self._times.most_kept

    def wanted(self, records: Sequence[Input]) -> Wanted:
        """What the turns of these records ask of their servers' baselines and have no answer to yet."""
        coming: dict[str, list[Call | AgentSpan]] = {}
        for record in records:
            if isinstance(record, Call) or (isinstance(record, AgentSpan) and record.prompt_digests):
                coming.setdefault(key_of(record), []).append(record)
        keys: dict[str, dict[str, None]] = {}
        for key, its in coming.items():
            turn = self._turns.get(key) or OpenTurn(key)
            for server, asked in turn.questions(its).items():
                keys.setdefault(server, {}).update(dict.fromkeys(asked))
        wanted = {server: tuple(asked) for server, asked in keys.items()}
        calls = tuple(record for record in records if isinstance(record, Call))
        return Wanted(wanted, self._judge.screening.names(records), calls, self._sightings.wanted(calls))

    def next_deadline(self) -> int | None:
        return self._due.next()

    def add(self, record: Input, pin: Pin, known: Known | None) -> Step:
        """Take a call or an agent span. Anything else raises TypeError."""
        if not isinstance(record, Call | AgentSpan):
            raise TypeError(f"no turn holds a record of type {type(record).__name__}")
        key = key_of(record)
        turn = self._turn(key)
        before = turn.weight
        if not turn.take(record):
            self._totals["superseded"] += 1
            return Step()
        self._totals["late"] += turn.closed
        self._closed -= turn.closed
        forgotten = turn.trim(record)
        self._totals["trimmed"] += len(forgotten)
        turn.keep(pin, record.wall_ns)
        known = known or Known()
        self._judge.screening.learn(known.ledger, known.failed)
        self._observing.learn(known)
        if isinstance(record, Call):
            turn.custom[record.call_id] = known.hits.get(revision_key(record), ())
        turn.learn_of(record, forgotten, known.views)
        self._kept += turn.weight - before
        self._due.set(key, self._closes_at(turn))
        try:
            judged = [*self._judged(turn, record, pin, known)]
        except Exception:
            turn.failed = True
            raise
        return _together([*judged, *self._make_room()])

    def _judged(self, turn: OpenTurn, record: Call | AgentSpan, pin: Pin, known: Known) -> Iterator[Step]:
        if isinstance(record, Call):
            yield from self._watched(turn, record, pin, known)
        else:
            yield self._look(turn, known)

    def _watched(self, turn: OpenTurn, call: Call, pin: Pin, known: Known) -> Iterator[Step]:
        """What a call says of its turn, then of the windows that it completes; these are turns of their own."""
        said = self._sightings.watch(call, known.windows)
        turn.windowed.hear(said)
        yield self._look(turn, known)
        followed = self._sightings.follow(call, known.windows, (*turn.hit_by(call), *said.rules))
        turn.windowed.hear(followed)
        yield Step(writes=followed.additions)
        for one in (*said.hits, *followed.hits):
            if not one.hit.rule.signal:
                yield self._raise(one, call, pin)

    def _raise(self, one: WindowHit, call: Call, pin: Pin) -> Step:
        turn = self._turn(one.key)
        before = turn.weight
        if turn.take(call):
            turn.trim(call)
        self._closed -= turn.closed
        turn.keep(pin, call.wall_ns)
        turn.windowed.complete(one.key, call, one.hit)
        self._kept += turn.weight - before
        self._due.set(one.key, self._closes_at(turn))
        return self._look(turn, Known())

    def _turn(self, key: str) -> OpenTurn:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = OpenTurn(key)
            self._kept += turn.weight
        return turn

    def advance(self, watermark_ns: int) -> Step:
        self._watermark = max(self._watermark, watermark_ns)
        return _together([self._fall_due(self._turns[key]) for key in self._due.due(self._watermark)])

    def _make_room(self) -> Iterator[Step]:
        """Close and forget the turns that are due first, before their time, while all together hold too much."""
        while self._kept > self._times.most_kept and (at := self._due.next()) is not None:
            self._totals["crowded"] += 1
            yield self._fall_due(self._turns[next(self._due.due(at))])

    def _closes_at(self, turn: OpenTurn) -> int:
        return min(turn.last_ns + self._times.gap_ns, turn.opened_ns + self._times.max_turn_ns)

    def _fall_due(self, turn: OpenTurn) -> Step:
        if turn.closed:
            del self._turns[turn.key]
            self._kept -= turn.weight
            self._closed -= 1
            return Step()
        try:
            step = self._ending(turn)
        except Exception:
            log.exception("turn could not be ended")  # one turn must not stop the partition for ever
            turn.failed, step = True, Step()
        self._totals["failed"] += turn.failed
        self._due.set(turn.key, self._watermark + self._times.late_ns)
        self._closed += 1
        return Step(step.outputs, step.writes, turn.close())

    def _ending(self, turn: OpenTurn) -> Step:
        """The last word on a turn, and what it teaches."""
        writes = self._lessons(turn)
        last = self._judge.close(turn)
        notes = self._judge.screening.notes()
        return Step(outputs=self._told(last), writes=(*writes, *_remembered(last), *notes))

    def _look(self, turn: OpenTurn, known: Known) -> Step:
        alert = self._judge.look(turn, known.model, known.latest)
        if alert is not None:
            self._totals["created" if alert.activity == "create" else "updated"] += 1
        for what, times in self._judge.screening.tally().items():
            self._totals[what] = self._totals.get(what, 0) + times
        writes = (*_remembered(alert), *self._judge.screening.notes())
        return Step(outputs=(*self._told(alert), *self._judge.aside()), writes=writes)

    def _told(self, alert: Alert | None) -> tuple[Output, ...]:
        return self._judge.outputs(alert) if alert is not None else ()

    def _lessons(self, turn: OpenTurn) -> tuple[Learn | Remember | Quarantine | Sampled, ...]:
        if turn.windowed.key or turn.failed:  # its calls belong to turns of their own, or it may have been anything
            return ()
        sampled = self._observing.close(turn)
        if turn.raised:
            self._totals["quarantined"] += 1
            held = quarantined(turn, self._judge.findings_of(turn), sampled)
            return (*sampled, held) if held is not None else sampled
        writes = lessons(turn)
        self._totals["learned"] += bool(writes)
        return (*writes, *sampled)


def _remembered(alert: Alert | None) -> tuple[Told, ...]:
    return (Told(alert),) if alert is not None else ()


def _together(steps: Sequence[Step]) -> Step:
    return Step(
        outputs=tuple(output for step in steps for output in step.outputs),
        writes=tuple(write for step in steps for write in step.writes),
        releases=tuple(pin for step in steps for pin in step.releases),
    )
