"""The tests inside rules, run as a worker would judge: each story by the one rule it is about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...models import testing, topics
from ...models.detections.engine import Memory, Rule
from ...models.detections.engine.proof import prove
from ...models.detections.engine.rule import RuleTest
from ...models.events import Call
from ...models.sigma import SigmaRules
from ...models.turn import Turn
from ...models.wire import bundled
from ...streams.known import revision_key
from ..customrules.reading import Source
from ..customrules.rules import PythonRules
from ..replay.folder import Folder
from ..replay.recorded import Recorded
from .ruleset import Ruleset

__all__ = ["Proof", "keep_calls", "prove_all"]

_NO_STORY = (TypeError, KeyError, ValueError, AttributeError, IndexError, StopIteration)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a rule's tests claim, and what of it does not hold: a sentence each."""

    rule: Rule
    hits: int
    misses: int
    problems: tuple[str, ...]

    @property
    def row(self) -> dict[str, str]:
        """For a table."""
        verdict = "wrong" if self.problems else "ok"
        return {"rule": self.rule.id, "hits": str(self.hits), "misses": str(self.misses), "verdict": verdict}


def prove_all(rules: Ruleset) -> list[Proof]:
    """Every rule's tests, in order of the rules' ids."""
    found = [_proof(rule, prove(rule)) for rule in rules.book.rules]
    found += [_proof(rule, _told(rule, partial(_sigma, rules.sigma, rule))) for rule in rules.sigma.rules]
    found += asyncio.run(_python(rules.python))
    return sorted(found, key=lambda proof: proof.rule.id)


def keep_calls(rules: Ruleset, folder: Path) -> int:
    """Write the calls of the own rules' tests as a recording, one turn a test; how many."""
    codec, count = bundled(), 0
    with Folder(folder) as kept:
        for call in _calls(rules.own):
            kept.add(
                Recorded(
                    topic=topics.CALLS,
                    partition=0,
                    offset=count,
                    timestamp=call.wall_ns // 1_000_000,
                    timestamp_type=0,
                    key=(call.correlation_id or call.call_id).encode(),
                    value=codec.encode(call),
                )
            )
            count += 1
    return count


def _calls(rules: Sequence[Rule]) -> Iterator[Call]:
    """All calls of all tests, each test in a trace and an hour of its own."""
    tests = [test for rule in rules for test in rule.tests]
    for number, test in enumerate(tests):
        later = [
            {**entry, "at_s": entry.get("at_s", 0) + number * 120, "correlation_id": f"{number + 1:032x}"}
            for entry in test.story.get("calls", ())
        ]
        yield from testing.story({"calls": later})[0].calls


def _proof(rule: Rule, problems: Sequence[str]) -> Proof:
    hits = sum(test.expect == "hit" for test in rule.tests)
    return Proof(rule, hits, len(rule.tests) - hits, tuple(problems))


def _told(rule: Rule, says: Callable[[RuleTest], str]) -> list[str]:
    return [
        f"{rule.id}: {test.name!r} expects {test.expect}, the rule says {verdict}"
        for test in rule.tests
        if (verdict := says(test)) != test.expect
    ]


def _turn(test: RuleTest) -> Turn:
    return testing.story(test.story)[0]


def _sigma(rules: SigmaRules, rule: Rule, test: RuleTest) -> str:
    try:
        turn = _turn(test)
    except _NO_STORY as error:
        return f"that it cannot be told: {error!r}"
    hits, memory = [*rules.evaluate(turn)], Memory()
    for call in turn.calls:
        windows = {addition.place: memory.add(addition) for addition in rules.additions(call)}
        hits += (one.hit for one in rules.watch(call, windows).hits)
    return "hit" if any(hit.rule.id == rule.id for hit in hits) else "quiet"


async def _python(sources: Sequence[Source]) -> list[Proof]:
    proofs = []
    for source in sources:
        rules = PythonRules([source])
        try:
            await rules.check()
            proofs.append(_proof(source.rule, [line async for line in _asked(rules, source.rule)]))
        finally:
            await rules.close()
    return proofs


async def _asked(rules: PythonRules, rule: Rule) -> AsyncIterator[str]:
    for test in rule.tests:
        try:
            calls = _turn(test).calls
        except _NO_STORY as error:
            yield f"{rule.id}: {test.name!r} cannot be told: {error!r}"
            continue
        hits = await rules.judge(calls)
        said = [hit for call in calls for hit in hits.get(revision_key(call), ())]
        verdict = "hit" if any(hit.rule.id == rule.id for hit in said) else "quiet"
        if failures := rules.failures():
            yield f"{rule.id}: {test.name!r} failed: {rules.last_error(rule.id)} ({sum(failures.values())} so far)"
        elif verdict != test.expect:
            yield f"{rule.id}: {test.name!r} expects {test.expect}, the rule says {verdict}"
