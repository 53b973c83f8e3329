"""One rule as it stands in its file, read strictly: an unknown word is refused with the allowed ones.

A rule is a page that a tired analyst can act on, and it carries its own proof: hits and near misses.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import orjson

from ... import frameworks
from ...bindings import BINDINGS
from ...events import Binding, Call, Layer, LearningState, Severity
from .conditions import Predicate, compile_condition, compile_rest
from .dedup import Dedup, read_dedup
from .errors import RuleError
from .gates import Gate, gate_of
from .subjects import ON
from .table import Table
from .window import Window, read_window

__all__ = ["CATEGORIES", "Escalation", "Needs", "Rule", "RuleTest", "Step", "read_rule"]

CATEGORIES: tuple[Layer, ...] = ("protocol", "execution", "agent", "chain")
WatchingLayer = Literal["protocol", "execution", "agent"]
Expectation = Literal["hit", "quiet", "not judged"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)[1:]
STATES: tuple[LearningState, ...] = get_args(LearningState)
OF_WINDOW, OF_SCORE = "hit", "score"  # a window may also count hits of other rules; a score stands alone

_ID = re.compile(rf"(?:{'|'.join(CATEGORIES)})\.[a-z0-9]+(?:-[a-z0-9]+)*")
_LEAST_TESTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must have been watching before the rule can say anything."""

    layers: tuple[WatchingLayer, ...]
    binding: Binding  # weakest binding of an effect that a step may rest on
    baseline: LearningState
    outside_calls: bool  # only what no call accounts for, where a binding has nothing to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that must have happened; every step comes after the one before it."""

    name: str
    on: str
    where: Predicate
    gate: Gate  # admits all that can satisfy it
    rest: Predicate | None  # what is left to ask of those
    call: (
        str  # the previous step's call or one begun after its reply: same, later; first for the first, any in a window
    )
    within_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Circumstances that make a hit worse."""

    step: str
    severity: Severity
    risk: float
    where: Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """A claim about the rule: this turn, with this baseline, hits, stays quiet, or cannot be judged."""

    name: str
    expect: Expectation
    severity: str
    story: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled rule. `covers` names what of the catalogue it stands for; `digest` is of all but that and its tests. A
    `signal` raises nothing by itself; other rules and findings rest on it."""

    id: str
    version: int
    title: str
    severity: Severity
    risk: float
    why: str
    blind: str
    false_positives: tuple[str, ...]
    triage: tuple[str, ...]
    attacks: tuple[str, ...]
    tags: tuple[str, ...]
    covers: tuple[str, ...]
    signal: bool
    needs: Needs
    steps: tuple[Step, ...]
    window: Window | None
    dedup: Dedup | None
    escalations: tuple[Escalation, ...]
    tests: tuple[RuleTest, ...]
    file: Path
    digest: str

    @property
    def layer(self) -> Layer:
        return cast(Layer, self.id.split(".")[0])

    def speaks_of(self, call: Call) -> bool:
        return call.state == "background" or not self.needs.outside_calls


def read_rule(file: Path) -> Rule:
    """The rule in `file`. Raises RuleError D02 with the file, the key and what is allowed there."""
    data = _data(file)
    table = Table(data, file, "")
    needs = _needs(table.table("needs"))
    steps = _steps(table.tables("match"), table, counted=table.has("window"))
    severity = _severity(table, needs)
    rule = Rule(
        id=_id(table),
        version=table.need("version", int),
        title=table.need("title", str),
        severity=severity,
        risk=_risk(table),
        why=table.need("why", str),
        blind=table.need("blind", str),
        false_positives=table.texts("false_positives", need=True),
        triage=table.texts("triage", need=True),
        attacks=_known_ids(table, "attacks"),
        tags=_known_ids(table, "tags"),
        covers=table.texts("covers"),
        signal=table.get("signal", bool, False),
        needs=needs,
        steps=steps,
        dedup=_dedup(table),
        window=_window(table, steps),
        escalations=tuple(_escalation(entry, steps) for entry in table.tables("escalate")),
        tests=_tests(table),
        file=file,
        digest=_digest(data),
    )
    table.done()
    return rule


def _dedup(table: Table) -> Dedup | None:
    if not table.has("dedup"):
        return None
    if table.has("window"):
        raise table.error("a [window] says itself by what its findings are one", "window.by and window.dedup_s")
    return read_dedup(table.table("dedup"))


def _data(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RuleError(f"{file}: cannot be read as TOML: {error}") from error


def _severity(table: Table, needs: Needs) -> Severity:
    severity = cast(Severity, table.choice("severity", SEVERITIES))
    unsure = needs.binding in ("none", "candidates") and not needs.outside_calls
    if unsure and severity in ("high", "critical") and "execution" in needs.layers:
        raise table.error(
            f"severity {severity} cannot rest on binding {needs.binding}", "needs.binding: window or better"
        )
    return severity


def _id(table: Table) -> str:
    identifier = table.need("id", str)
    if not _ID.fullmatch(identifier):
        raise table.error(
            f"id {identifier!r} is no rule id", "write <layer>.<what-happens>, for example chain.read-then-send"
        )
    if table.file.stem != identifier.split(".", 1)[1]:
        raise table.error(
            f"id {identifier!r} does not fit the file name", f"call the file {identifier.split('.', 1)[1]}.toml"
        )
    return identifier


def _risk(table: Table) -> float:
    risk = table.need("risk", float)
    if not 0 <= risk <= 100:
        raise table.error(f"{table.at('risk')} is {risk:g}", "risk lies between 0 and 100")
    return risk


def _known_ids(table: Table, key: str) -> tuple[str, ...]:
    ids = table.texts(key, need=True)
    if unknown := [identifier for identifier in ids if not frameworks.known(identifier)]:
        raise table.error(f"{key}: {unknown[0]!r} is not in the framework table", "add it to models/frameworks.toml")
    return ids


def _needs(table: Table) -> Needs:
    layers = table.texts("layers", need=True)
    watching = get_args(WatchingLayer)
    if unknown := [layer for layer in layers if layer not in watching]:
        raise table.error(f"{table.at('layers')}: unknown layer {unknown[0]!r}", f"allowed: {', '.join(watching)}")
    needs = Needs(
        layers=cast("tuple[WatchingLayer, ...]", layers),
        binding=cast(Binding, table.choice("binding", BINDINGS, "none")),
        baseline=cast(LearningState, table.choice("baseline", STATES, "learning")),
        outside_calls=table.get("outside_calls", bool, False),
    )
    table.done()
    if needs.outside_calls and needs.binding != "none":
        raise table.error(f"outside every call no effect is bound by {needs.binding}", "leave needs.binding out")
    return needs


def _steps(tables: Sequence[Table], rule: Table, *, counted: bool) -> tuple[Step, ...]:
    if not tables:
        raise rule.error("match is missing", "a rule has at least one [[match]] step")
    steps = tuple(_step(table, first=index == 0, counted=counted) for index, table in enumerate(tables))
    if len({step.name for step in steps}) < len(steps):
        raise rule.error("two steps of match have one name")
    if len(steps) > 1 and any(step.on == OF_SCORE for step in steps):
        raise rule.error("a score stands alone", "leave the other steps of match out")
    return steps


def _step(table: Table, *, first: bool, counted: bool) -> Step:
    on = table.choice("on", (*ON, OF_WINDOW if counted else OF_SCORE))
    within = table.get("within_s", float, 0.0) if not (first or counted) else 0.0
    if counted and _mentions(table.raw("where"), "never"):
        raise table.error(f"{table.at('where')}: never cannot stand in a window", "ask for `new` in [[window.need]]")
    step = Step(
        name=table.need("step", str),
        on=on,
        where=compile_condition(table.table("where"), on),
        gate=gate_of(table.table("where"), on),
        rest=compile_rest(table.table("where"), on),
        call="any" if counted else "first" if first else table.choice("call", ("same", "later")),
        within_ns=round(within * 1e9) if within else None,
    )
    table.done()
    return step


def _mentions(condition: object, word: str) -> bool:
    if isinstance(condition, dict):
        return word in condition or any(_mentions(inner, word) for inner in condition.values())
    return isinstance(condition, list) and any(_mentions(inner, word) for inner in condition)


def _window(table: Table, steps: Sequence[Step]) -> Window | None:
    if not table.has("window"):
        return None
    return read_window(table.table("window"), {step.name: step.on for step in steps})


def _escalation(table: Table, steps: Sequence[Step]) -> Escalation:
    by_name = {step.name: step for step in steps}
    name = table.choice("step", by_name)
    escalation = Escalation(
        step=name,
        severity=cast(Severity, table.choice("severity", SEVERITIES)),
        risk=_risk(table),
        where=compile_condition(table.table("where"), by_name[name].on),
    )
    table.done()
    return escalation


def _tests(table: Table) -> tuple[RuleTest, ...]:
    tests = tuple(_test(entry) for entry in table.tables("tests"))
    for expectation in ("hit", "quiet"):
        count = sum(test.expect == expectation for test in tests)
        if count < _LEAST_TESTS:
            hint = f"a rule proves itself with at least {_LEAST_TESTS} hits and {_LEAST_TESTS} near misses"
            raise table.error(f"{count} test(s) expect {expectation!r}", hint)
    return tests


def _test(table: Table) -> RuleTest:
    test = RuleTest(
        name=table.need("name", str),
        expect=cast(Expectation, table.choice("expect", get_args(Expectation))),
        severity=table.choice("severity", SEVERITIES) if table.has("severity") else "",
        story={key: table.raw(key) for key in ("calls", "spans", "baselines", "score") if table.has(key)},
    )
    table.done()
    return test


def _digest(data: dict[str, Any]) -> str:
    judged = {key: value for key, value in data.items() if key not in ("tests", "covers")}
    return hashlib.sha256(orjson.dumps(judged, option=orjson.OPT_SORT_KEYS)).hexdigest()
