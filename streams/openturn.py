"""What is known of one turn while it may still change: the latest revision of each call, spans, answers, pins. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..models.baseline import BaselineView, Support, is_outside, turn_keys
from ..models.bindings import weakest
from ..models.detections.engine import Growing, Hit, NotJudged
from ..models.events import AgentSpan, Alert, Call
from ..models.hygiene import Verdict
from ..models.measuring import Measures
from ..models.prompts import prompted
from ..models.risk import Judgement
from ..models.turn import Turn
from .pins import Pin
from .questions import keys_around, place, sources_of
from .windowed import Windowed

__all__ = ["Judged", "OpenTurn", "Screened"]

_MOST = 256
_TEXT = 1024
_PROMPTS = 4096
_ANSWERS = 4096  # of one server, before the first look at which of them are needed


@dataclass(frozen=True, slots=True)
class Judged:
    """What rules and score said of a turn as it was known then."""

    turn: Turn
    hits: tuple[Hit, ...]
    not_judged: tuple[NotJudged, ...]
    score: Judgement | None


@dataclass(slots=True, eq=False)
class Screened:
    """What hygiene decided of a turn. `asked`: of what; `held`: by rule and exception what was held back; `number`: the
    last revision of the turn's finding that any worker told."""

    asked: object = None
    verdict: Verdict = None
    held: set[tuple[str, str]] = field(default_factory=set)
    number: int = 0


@dataclass(slots=True, eq=False)
class OpenTurn:
    """`opened_ns`, `last_ns`: event time of the first record since it was (re)opened and of the last one. `finding` is
    what was sent last, `judged` what it would say now; None before the first. `failed`: rules or score could not judge
    it. `weight`: its calls, effects, spans and KiB of text, and 2 for itself. `views` are the baselines it is judged
    against: their totals as they stood when the turn first asked, and every count as it was first answered."""

    key: str
    opened_ns: int = 0
    last_ns: int = 0
    weight: int = 2
    closed: bool = False
    failed: bool = False
    finding: Alert | None = None
    judged: Judged | None = None
    growing: Growing = field(default_factory=Growing)
    measures: Measures = field(default_factory=Measures)
    screened: Screened = field(default_factory=Screened)
    custom: dict[str, tuple[Hit, ...]] = field(default_factory=dict)  # by call id, from rules that run elsewhere
    windowed: Windowed = field(default_factory=Windowed)
    views: dict[str, BaselineView] = field(default_factory=dict)
    _answers: dict[str, dict[str, Support]] = field(default_factory=dict)
    _calls: dict[str, Call] = field(default_factory=dict)
    _spans: dict[str, AgentSpan] = field(default_factory=dict)
    _pins: set[Pin] = field(default_factory=set)
    _room: dict[str, int] = field(default_factory=dict)
    _prompts: frozenset[str] = frozenset()
    _sorted: tuple[Call, ...] | None = None

    def hit_by(self, call: Call) -> tuple[str, ...]:
        """The rules that point at a call, as they were judged last."""
        hits = self.judged.hits if self.judged is not None else ()
        return tuple(
            hit.rule.id for hit in hits if any(match.subject.call.call_id == call.call_id for match in hit.matches)
        )

    @property
    def told(self) -> int:
        """The number of the finding's last revision, whoever told it; 0 before the first."""
        return max(self.finding.sequence if self.finding is not None else 0, self.screened.number)

    @property
    def raised(self) -> bool:
        """Whether it must not become normal: it raised something, told or not."""
        told = self.finding is not None or self.screened.verdict is not None
        return told or bool(self.screened.held) or self.windowed.raised

    @property
    def ruled(self) -> bool:
        """Whether a rule spoke, told or not; else only the score did."""
        hits = self.judged is not None and bool(self.judged.hits)
        return hits or bool(self.screened.held) or self.windowed.raised

    def take(self, record: Call | AgentSpan) -> bool:
        """Whether the record is new: a revision that was seen, or an older one, is not."""
        if isinstance(record, Call):
            seen = self._calls.get(record.call_id)
            latest = _latest(seen, record)
            if latest is seen:
                return False
            self._calls[record.call_id] = prompted(latest, self._prompts)
            self._sorted = None
            self.weight += _weight(latest) - (_weight(seen) if seen else 0)
            return True
        if record.span_id in self._spans:
            return False
        self._spans[record.span_id] = replace(record, prompt_digests=())
        self.weight += 1
        self._hear(record.prompt_digests)
        return True

    def _hear(self, prompts: Collection[str]) -> None:
        """Give the calls the origins that prompts heard later tell of; the first 4,096 digests count."""
        if prompts and len(self._prompts) < _PROMPTS:
            self._prompts |= frozenset(prompts)
            self._calls = {call_id: prompted(call, self._prompts) for call_id, call in self._calls.items()}
            self._sorted = None

    def trim(self, latest: Call | AgentSpan) -> tuple[Call | AgentSpan, ...]:
        """Forget what is beyond 256 calls and as many spans, but not the one just taken: the oldest, and before any
        other the calls that did nothing notable: fillers cannot push a theft out. Returns what was forgotten."""
        calls = _surplus(self._calls.values(), latest)
        spans = sorted(self._spans.values(), key=lambda span: span.started_ns)[: max(len(self._spans) - _MOST, 0)]
        if calls:
            self._forget(calls)
        for span in spans:
            del self._spans[span.span_id]
        self.weight -= sum(map(_weight, calls)) + len(spans)
        return (*calls, *spans)

    def _forget(self, calls: Iterable[Call]) -> None:
        """With all that is known of these calls, and of servers that only they were of: a turn may go on for ever."""
        for call in calls:
            del self._calls[call.call_id]
            self.custom.pop(call.call_id, None)
            self.windowed.hits.pop(call.call_id, None)
        self._sorted = None
        servers = {call.server.id for call in self._calls.values()}
        for known in (self.views, self._answers, self._room):
            for server in known.keys() - servers:
                del known[server]

    def keep(self, pin: Pin, at_ns: int) -> None:
        """Stay open for a record of this time; its chunk must come again after a crash until the turn closes."""
        if self.closed or not self._pins:
            self.opened_ns = at_ns
        self.closed = False
        self.opened_ns = min(self.opened_ns, at_ns)
        self.last_ns = max(self.last_ns, at_ns)
        if pin not in self._pins:
            pin.hold()
            self._pins.add(pin)

    def close(self) -> tuple[Pin, ...]:
        """The pins to release, each held once. What was only kept to judge the next record sooner goes."""
        self.closed = True
        self.growing, self.measures = Growing(), Measures()
        pins = tuple(self._pins)
        self._pins.clear()
        return pins

    def questions(self, coming: Iterable[Call | AgentSpan]) -> dict[str, tuple[str, ...]]:
        """By server the keys that judging will ask about when these records are taken one after the other, without
        those that are answered already: answers are kept while a turn is open, a baseline moves slowly."""
        asked: dict[str, dict[str, None]] = {}
        calls, prompts = dict(self._calls), self._prompts
        for record in coming:
            if isinstance(record, AgentSpan):
                prompts |= frozenset(record.prompt_digests)
                _ask(asked, sources_of(calls.values(), prompts) if record.prompt_digests else {})
                continue
            seen = calls.get(record.call_id)
            latest = _latest(seen, record)
            if latest is seen:
                continue
            calls[record.call_id] = latest = prompted(latest, prompts)
            forgotten = _surplus(calls.values(), latest)
            for one in forgotten:
                del calls[one.call_id]
            _ask(asked, keys_around(latest, forgotten, _in_order(calls.values())))
        return {server: self._unanswered(server, keys) for server, keys in asked.items()}

    def learn_of(
        self, record: Call | AgentSpan, forgotten: Iterable[Call | AgentSpan], views: Mapping[str, BaselineView]
    ) -> None:
        """Keep the answers to what taking this record, and forgetting others for it, made this turn ask."""
        if isinstance(record, AgentSpan):
            asked = sources_of(self._calls.values(), self._prompts) if record.prompt_digests else {}
        else:
            gone = [one for one in forgotten if isinstance(one, Call)]
            asked = keys_around(self._calls[record.call_id], gone, self._in_order())
        for server, keys in asked.items():
            if server in views:
                new = views[server]
                answers = self._answers.setdefault(server, {})
                answers.update((key, new.supports[key]) for key in keys if key in new.supports)
                self._forget_answers(server)
                first = self.views.get(server, new)
                self.views[server] = BaselineView(server, first.sessions, first.principals, answers)

    def _forget_answers(self, server: str) -> None:
        """Drop what only forgotten calls and older revisions asked, once answers have doubled since the last time."""
        answers = self._answers[server]
        if len(answers) <= self._room.get(server, _ANSWERS):
            return
        needed = frozenset(turn_keys(self._in_order(), server))
        for key in [key for key in answers if key not in needed]:
            del answers[key]
        self._room[server] = max(_ANSWERS, 2 * len(answers))

    def _unanswered(self, server: str, keys: Iterable[str]) -> tuple[str, ...]:
        answers = self._answers.get(server, {})
        return tuple(key for key in keys if key not in answers)

    def turn(self) -> Turn:
        spans = sorted(self._spans.values(), key=lambda span: (span.started_ns, span.span_id))
        return Turn(self.key, self._in_order(), tuple(spans))

    def _in_order(self) -> tuple[Call, ...]:
        if self._sorted is None:
            self._sorted = _in_order(self._calls.values())
        return self._sorted


def _latest(seen: Call | None, record: Call) -> Call:
    """The one that stands, with the effects that only the other tells of. Revisions are cumulative, but a restart of
    stage 1 cuts a call in two, or counts it anew with more of its effects, or fewer."""
    if seen is None:
        return record
    above, below = (record, seen) if _rank(record) > _rank(seen) else (seen, record)
    told = {effect.source for effect in above.effects}
    more = [effect for effect in below.effects if effect.source not in told]
    if not more or (above.effects_dropped and above.coverage.protocol == below.coverage.protocol):
        return above
    effects = sorted((*above.effects, *more), key=lambda effect: (effect.mono_ns, effect.source))
    return replace(above, effects=tuple(effects), binding=weakest(effect.binding for effect in effects))


def _rank(call: Call) -> tuple[bool, bool, int, int]:
    """What knows the request stands before what does not, then what knows the reply, then the later revision, then the
    one that knows more."""
    return call.coverage.protocol, call.state == "complete", call.revision, len(call.effects)


def _weight(record: Call | AgentSpan) -> int:
    if not isinstance(record, Call):
        return 1
    texts = sum(len(one.path or "") + sum(map(len, one.arguments)) for one in record.effects)
    return 1 + len(record.effects) + len(record.arguments) + len(record.tools) + texts // _TEXT


def _in_order(calls: Iterable[Call]) -> tuple[Call, ...]:
    return tuple(sorted(calls, key=place))


def _surplus(calls: Collection[Call], latest: Call | AgentSpan) -> tuple[Call, ...]:
    """The calls beyond the bound, those that are missed least first."""
    if len(calls) <= _MOST:
        return ()
    others = [call for call in calls if not isinstance(latest, Call) or call.call_id != latest.call_id]
    others.sort(key=lambda call: (_notable(call), *place(call)))
    return tuple(others[: len(calls) - _MOST])


def _notable(call: Call) -> bool:
    return bool(call.tools) or any(effect.sensitivity is not None or is_outside(effect) for effect in call.effects)


def _ask(asked: dict[str, dict[str, None]], more: Mapping[str, Iterable[str]]) -> None:
    for server, keys in more.items():
        asked.setdefault(server, {}).update(dict.fromkeys(keys))
