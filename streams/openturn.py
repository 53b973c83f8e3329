"""What is known of one turn while it may still change: the latest revision of each call, spans, answers, pins. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..models.baseline import (
    EDGE,
    BaselineView,
    Support,
    actions_before,
    edge_keys,
    is_action,
    is_outside,
    keys_of,
    turn_keys,
)
from ..models.bindings import weakest
from ..models.events import AgentSpan, Alert, Call
from ..models.turn import Turn
from .stage import Pin

__all__ = ["OpenTurn"]

_MOST = 256
_ANSWERS = 4096  # of one server, before the first look at which of them are needed


@dataclass(slots=True, eq=False)
class OpenTurn:
    """`opened_ns`, `last_ns`: event time of the first record since it was (re)opened and of the last one. `finding` is
    what was sent last, `latest` what would be sent now."""

    key: str
    opened_ns: int = 0
    last_ns: int = 0
    closed: bool = False
    finding: Alert | None = None
    latest: Alert | None = None
    views: dict[str, BaselineView] = field(default_factory=dict)
    _answers: dict[str, dict[str, Support]] = field(default_factory=dict)
    _calls: dict[str, Call] = field(default_factory=dict)
    _spans: dict[str, AgentSpan] = field(default_factory=dict)
    _pins: set[Pin] = field(default_factory=set)
    _room: dict[str, int] = field(default_factory=dict)

    def take(self, record: Call | AgentSpan) -> bool:
        """Whether the record is new: a revision that was seen, or an older one, is not."""
        if isinstance(record, Call):
            seen = self._calls.get(record.call_id)
            latest = _latest(seen, record)
            self._calls[record.call_id] = latest
            return latest is not seen
        if record.span_id in self._spans:
            return False
        self._spans[record.span_id] = record
        return True

    def trim(self, latest: Call | AgentSpan) -> tuple[Call | AgentSpan, ...]:
        """Forget what is beyond 256 calls and as many spans, but not the one just taken: the oldest, and before any
        other the calls that did nothing notable: fillers cannot push a theft out. Returns what was forgotten."""
        calls = _surplus(self._calls.values(), latest)
        spans = sorted(self._spans.values(), key=lambda span: span.started_ns)[: max(len(self._spans) - _MOST, 0)]
        for call in calls:
            del self._calls[call.call_id]
        for span in spans:
            del self._spans[span.span_id]
        return (*calls, *spans)

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
        """The pins to release, each held once."""
        self.closed = True
        pins = tuple(self._pins)
        self._pins.clear()
        return pins

    def questions(self, coming: Iterable[Call]) -> dict[str, tuple[str, ...]]:
        """By server the keys that judging will ask about when these calls are taken one after the other, without those
        that are answered already: answers are kept while a turn is open, a baseline moves slowly."""
        asked: dict[str, dict[str, None]] = {}
        calls = dict(self._calls)
        for call in coming:
            seen = calls.get(call.call_id)
            calls[call.call_id] = _latest(seen, call)
            if calls[call.call_id] is seen:
                continue
            forgotten = _surplus(calls.values(), call)
            for one in forgotten:
                del calls[one.call_id]
            for server, keys in _keys_around(call, forgotten, _in_order(calls.values())).items():
                asked.setdefault(server, {}).update(dict.fromkeys(keys))
        return {server: self._unanswered(server, keys) for server, keys in asked.items()}

    def learn_of(self, call: Call, forgotten: Iterable[Call | AgentSpan], views: Mapping[str, BaselineView]) -> None:
        """Keep the answers to what taking this call, and forgetting others for it, made this turn ask."""
        gone = [one for one in forgotten if isinstance(one, Call)]
        for server, keys in _keys_around(call, gone, _in_order(self._calls.values())).items():
            if server in views:
                new = views[server]
                answers = self._answers.setdefault(server, {})
                answers.update((key, new.supports[key]) for key in keys if key in new.supports)
                self._forget_answers(server)
                self.views[server] = replace(new, supports=answers)

    def _forget_answers(self, server: str) -> None:
        """Drop what only forgotten calls and older revisions asked, once answers have doubled since the last time."""
        answers = self._answers[server]
        if len(answers) <= self._room.get(server, _ANSWERS):
            return
        needed = frozenset(turn_keys(_in_order(self._calls.values()), server))
        for key in [key for key in answers if key not in needed]:
            del answers[key]
        self._room[server] = max(_ANSWERS, 2 * len(answers))

    def _unanswered(self, server: str, keys: Iterable[str]) -> tuple[str, ...]:
        answers = self._answers.get(server, {})
        return tuple(key for key in keys if key not in answers)

    def turn(self) -> Turn:
        spans = sorted(self._spans.values(), key=lambda span: (span.started_ns, span.span_id))
        return Turn(self.key, _in_order(self._calls.values()), tuple(spans))


def _latest(seen: Call | None, record: Call) -> Call:
    """Revisions are cumulative, so the higher one stands. Where a restart of stage 1 cut a call in two, the part
    without the request only adds its effects to the other, whichever comes first."""
    if seen is None:
        return record
    if seen.coverage.protocol == record.coverage.protocol:
        return record if record.revision > seen.revision else seen
    whole, part = (seen, record) if seen.coverage.protocol else (record, seen)
    told = {effect.source for effect in whole.effects}
    more = [effect for effect in part.effects if effect.source not in told]
    if not more:
        return whole
    effects = sorted((*whole.effects, *more), key=lambda effect: (effect.mono_ns, effect.source))
    return replace(whole, effects=tuple(effects), binding=weakest(effect.binding for effect in effects))


def _in_order(calls: Iterable[Call]) -> tuple[Call, ...]:
    return tuple(sorted(calls, key=_place))


def _surplus(calls: Collection[Call], latest: Call | AgentSpan) -> tuple[Call, ...]:
    """The calls beyond the bound, those that are missed least first."""
    if len(calls) <= _MOST:
        return ()
    others = [call for call in calls if not isinstance(latest, Call) or call.call_id != latest.call_id]
    others.sort(key=lambda call: (_notable(call), *_place(call)))
    return tuple(others[: len(calls) - _MOST])


def _notable(call: Call) -> bool:
    return bool(call.tools) or any(effect.sensitivity is not None or is_outside(effect) for effect in call.effects)


def _place(call: Call) -> tuple[int, str]:
    return call.started_ns, call.call_id


def _keys_around(call: Call, forgotten: Iterable[Call], calls: Sequence[Call]) -> dict[str, list[str]]:
    """By server what taking this call asks anew: its own keys, and the orders that it now stands in. Those that stood
    behind a forgotten call have another one before them, so theirs too."""
    asked = {call.server.id: list(keys_of(call))}
    actions = [one for one in calls if is_action(one)]
    places = [bisect_left(actions, _place(one), key=_place) for one in (call, *forgotten)]
    changed = {near for at in places for near in range(at, min(at + EDGE, len(actions)))}
    for at in sorted(changed):
        asked.setdefault(actions[at].server.id, []).extend(edge_keys(actions_before(actions, at)))
    return asked
