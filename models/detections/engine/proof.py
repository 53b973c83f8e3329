"""Running the tests that stand inside the rules.

A story of a window is told in its order and with delays; findings that depend on it break the claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ... import testing
from ...events import Call, Layer, Score
from .rule import Rule, RuleTest
from .rulebook import Hit, Rulebook
from .sightings import Memory
from .verdicts import Failed, NotJudged

__all__ = ["Said", "prove", "said_of", "watched"]


@dataclass(slots=True)
class Said:
    """What a rulebook says of a story; `keys` name the findings of windows. What a window could not judge while it
    learned is over: of calls, `not_judged` speaks of the last one."""

    hits: list[Hit] = field(default_factory=list)
    not_judged: list[NotJudged] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    failed: list[Failed] = field(default_factory=list)


def prove(rule: Rule) -> list[str]:
    """What the rule's own tests find wrong with it, a sentence each; empty when all its claims hold."""
    alone = Rulebook([rule])
    return [f"{rule.id}: {test.name!r} {problem}" for test in rule.tests if (problem := _run(alone, rule, test))]


def said_of(rule: Rule, test: RuleTest) -> Said:
    """What a rule by itself says of the story of one of its tests."""
    alone = Rulebook([rule])
    return watched(alone, *_calls(test)) if rule.window else _told(alone, test)


def watched(book: Rulebook, calls: Sequence[Call], hits: Mapping[str, Sequence[str]] | None = None) -> Said:
    """What the windows say when these calls come one after the other; `hits`: other rules, by call id."""
    memory, said = Memory(), Said()
    for call in calls:
        windows = {addition.place: memory.add(addition) for addition in book.additions(call)}
        found = book.watch(call, windows)
        ids = [*(hits or {}).get(call.call_id, ()), *(one.hit.rule.id for one in found.hits)]
        followed = book.follow(call, windows, ids)
        for addition in followed.additions:
            memory.add(addition)
        said.not_judged = [*found.not_judged, *followed.not_judged]
        said.hits += [one.hit for one in (*found.hits, *followed.hits)]
        said.failed += (*found.failed, *followed.failed)
        said.keys |= {one.key for one in (*found.hits, *followed.hits)}
    return said


def _run(book: Rulebook, rule: Rule, test: RuleTest) -> str:
    try:
        said = _windowed(book, test) if rule.window else _told(book, test)
    except (TypeError, KeyError, ValueError, StopIteration) as error:
        return f"cannot be told: {error!r}"
    if said is None:
        return "finds something else when its calls come in another order"
    if said.failed:
        return f"makes it raise {said.failed[0].error!r}"
    if (verdict := _verdict(said)) != test.expect:
        reasons = "".join(f" ({entry.reason})" for entry in said.not_judged)
        return f"expects {test.expect}, the rule says {verdict}{reasons}"
    if test.severity and said.hits[0].severity != test.severity:
        return f"expects severity {test.severity}, the rule says {said.hits[0].severity}"
    return ""


def _told(book: Rulebook, test: RuleTest) -> Said:
    turn, views = testing.story(test.story)
    each = [book.evaluate(turn, views)]
    if "score" in test.story:
        each.append(book.scored(turn, _score(dict(test.story["score"]))))
    return Said(
        [hit for one in each for hit in one.hits],
        [unjudged for one in each for unjudged in one.not_judged],
        failed=[failed for one in each for failed in one.failed],
    )


def _windowed(book: Rulebook, test: RuleTest) -> Said | None:
    """None where the order of arrival changes what is found."""
    calls, hits = _calls(test)
    said, otherwise = watched(book, calls, hits), watched(book, _delayed(book, calls), hits)
    return said if said.keys == otherwise.keys else None


def _calls(test: RuleTest) -> tuple[list[Call], dict[str, Sequence[str]]]:
    """The calls of a story, and by call id the other rules that it says were hit."""
    calls, hits = [], {}
    for entry in test.story.get("calls", ()):
        rules = entry.get("hits", ())
        for call in testing.told([{key: value for key, value in entry.items() if key != "hits"}]):
            calls.append(call)
            hits[call.call_id] = rules
    return calls, hits


def _delayed(book: Rulebook, calls: Sequence[Call]) -> list[Call]:
    """The calls in the worst order in which delays shorter than the span can bring them."""
    window = next(rule.window for rule in book.rules if rule.window)
    since = max((call.started_ns for call in calls), default=0) - window.span_us * 1000
    before = [call for call in calls if call.started_ns <= since]
    return before + [call for call in reversed(calls) if call.started_ns > since]


@dataclass(frozen=True, slots=True)
class _Judgement:
    score: Score
    layers: Mapping[Layer, float]


def _score(told: dict[str, Any]) -> _Judgement:
    layers = told.pop("layers", {})
    return _Judgement(Score(**told), layers)


def _verdict(said: Said) -> str:
    return "hit" if said.hits else "not judged" if said.not_judged else "quiet"
