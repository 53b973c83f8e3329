"""Python rules as stage 2 meets them: asked about the calls of a chunk while the store is asked, answered as hits.

A rule that raises, loops, allocates or exits stops only itself: the first failure of a file is a finding of low
severity, each is counted and logged, and after some in a row the file is left alone until it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from ...models.custom import RISK, rule_of
from ...models.detections.engine import Hit, Rule
from ...models.detections.engine.matching import Match
from ...models.detections.engine.rule import SEVERITIES
from ...models.detections.engine.subjects import Subject
from ...models.events import Call
from ...models.text import clean
from ...models.turn import Turn
from ...streams.known import revision_key
from .errors import PythonRuleError
from .reading import Source, read_source
from .sandbox import Budget, Reply, Sandbox

__all__ = ["FAILED", "PythonRules"]

FAILED = "hygiene.rule-failed"


@dataclass(slots=True)
class _Running:
    source: Source
    sandbox: Sandbox
    told: str = ""  # of which call it was told that the rule fails


class PythonRules:
    """All Python rules of a worker. `failures()`: by rule and why."""

    def __init__(self, sources: Sequence[Source], budget: Budget | None = None) -> None:
        self._running = [_Running(one, Sandbox(one.rule.id, one.text, budget)) for one in sources]

    @classmethod
    def load(cls, folders: Sequence[Path], budget: Budget | None = None) -> PythonRules:
        """Every *.py under `folders`. Raises PythonRuleError D20 for a file that is no rule."""
        files = sorted(file for folder in folders for file in folder.rglob("*.py"))
        return cls([read_source(file) for file in files], budget)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(one.source.rule for one in self._running)

    def failures(self) -> dict[tuple[str, str], int]:
        return {(one.source.rule.id, why): times for one in self._running for why, times in one.sandbox.failed.items()}

    @property
    def failed(self) -> int:
        """Calls that rules could not judge."""
        return sum(self.failures().values())

    def last_error(self, rule: str) -> str:
        """What a rule failed of, the last time."""
        return next((one.sandbox.last_error for one in self._running if one.source.rule.id == rule), "")

    async def check(self) -> None:
        """Start every rule once. Raises PythonRuleError D20 with what its file raised."""
        for one in self._running:
            if error := await one.sandbox.start():
                raise PythonRuleError(f"{one.source.rule.file}: {error}", "a rule defines rule(call) and needs no I/O")

    async def close(self) -> None:
        for one in self._running:
            await one.sandbox.close()

    async def judge(self, calls: Sequence[Call]) -> dict[str, tuple[Hit, ...]]:
        """Hits by `revision_key` of the call. The rules are asked side by side, each about the calls in their order."""
        if not self._running or not calls:
            return {}
        lines = [orjson.dumps(call) for call in calls]
        answers = await asyncio.gather(*(one.sandbox.judge(lines) for one in self._running))
        found: dict[str, list[Hit]] = {}
        for one, replies in zip(self._running, answers, strict=True):
            for call, reply in zip(calls, replies, strict=True):
                if hit := _hit(one, call, reply):
                    found.setdefault(revision_key(call), []).append(hit)
        return {key: tuple(hits) for key, hits in found.items()}


def _hit(one: _Running, call: Call, reply: Reply | None) -> Hit | None:
    if reply is None:
        return _failure(one, call)
    if not reply.get("hit"):
        return None
    rule = one.source.rule
    severity: Any = reply.get("severity")
    if severity in SEVERITIES:
        rule = replace(rule, severity=severity, risk=RISK[severity])
    if title := reply.get("title"):
        rule = replace(rule, title=clean(str(title), 160))
    said = [f"{name}: {value}" for name, value in (reply.get("context") or {}).items()]
    return Hit(rule, rule.severity, rule.risk, (_match(rule, call, said, str(reply.get("dedup") or "")),))


def _failure(one: _Running, call: Call) -> Hit | None:
    """Told of one call a file, for what failed is the rule; again when that call is asked about again."""
    key = revision_key(call)
    if one.told not in ("", key) or not one.sandbox.last_error:
        return None
    one.told = key
    source = one.source
    title = f"The rule {source.rule.id} failed: {one.sandbox.last_error}"
    rule = rule_of(FAILED, title, "low", file=source.rule.file, digest=source.rule.digest)
    return Hit(rule, rule.severity, rule.risk, (_match(rule, call, [], ""),))


def _match(rule: Rule, call: Call, said: Sequence[str], dedup: str) -> Match:
    alone = Turn(call.correlation_id or call.call_id, (call,))
    subject = Subject(alone, call, call.started_ns, max(call.started_ns, call.ended_ns))
    return Match(dedup, subject, said=tuple(clean(one) for one in said))
