"""Conditions of a step, compiled to closures: fields with operators, all / any / not, and what a baseline never saw.

There is no expression language: a condition can compare, and nothing else. What cannot be known is not true, and is
written down, so that a rule that might have matched says "not judged" and not "quiet".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ...baseline import BaselineView
from ...bindings import BINDINGS
from .subjects import FIELDS, NESTED, WHATS, Field, FieldKind, Subject, What, keys
from .table import Table

__all__ = ["Judging", "Predicate", "Seen", "compile_condition", "kinds_of"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A count behind a verdict: in how many sessions of how many it was seen."""

    what: What
    sessions: int
    of: int


@dataclass(slots=True)
class Judging:
    """What one evaluation knows, and what it would have needed. `lenient` takes the unknown for true."""

    views: Mapping[str, BaselineView]
    lenient: bool = False
    unknown: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)


Predicate = Callable[[Subject, Judging], bool]
Test = Callable[[Any], bool]

_OPERATORS: Mapping[FieldKind, tuple[str, ...]] = {
    "text": ("is", "one_of", "starts", "ends", "contains", "exists"),
    "number": ("is", "one_of", "at_least", "at_most", "exists"),
    "flag": ("is", "exists"),
    "choice": ("is", "one_of"),
    "texts": ("has", "has_any", "exists"),
    "binding": ("is", "one_of", "at_least"),
}
_VALUES: Mapping[FieldKind, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "flag": (bool,),
    "choice": (str,),
    "texts": (str,),
    "binding": (str,),
}
_MANY = frozenset({"one_of", "has_any", "starts", "ends", "contains"})


def compile_condition(table: Table, on: str, *, negated: bool = False) -> Predicate:
    """A predicate that holds when every entry of the table holds. Raises RuleError for any word that is not known."""
    fields: list[Predicate] = []  # asked first: they cost least, and rule out most
    parts: list[Predicate] = []
    if table.has("all"):
        parts += [compile_condition(entry, on, negated=negated) for entry in table.tables("all")]
    if table.has("any"):
        parts.append(_any([compile_condition(entry, on, negated=negated) for entry in table.tables("any")]))
    if table.has("not"):
        parts.append(_not(compile_condition(table.table("not"), on, negated=True)))
    never = table.table("never") if table.has("never") else None
    for key, (inner, members) in NESTED[on].items():
        if table.has(key):
            parts.append(_some(compile_condition(table.table(key), inner, negated=negated), members))
    for key in table.rest():
        if key in FIELDS[on]:
            fields.append(_compare(FIELDS[on][key], _test(FIELDS[on][key], table, key)))
    parts = fields + parts
    if never is not None:
        if negated:
            raise never.error(f"{never.where} cannot stand under not", "what is unknown would count as known")
        parts.append(_never(never, on))  # last: it is asked, and counted, only where everything else holds
    table.done(FIELDS[on])
    if not parts:
        raise table.error(f"{table.where} says nothing", "a condition names at least one field")
    return _all(parts)


def kinds_of(condition: Mapping[str, Any]) -> frozenset[str] | None:
    """The kinds of effects that can satisfy a condition, as far as its shape tells; None for any kind."""
    found = [kinds_of(one) for one in condition.get("all", ())]
    if "any" in condition:
        each = [kinds_of(one) for one in condition["any"]]
        found.append(None if None in each else frozenset().union(*(kinds for kinds in each if kinds is not None)))
    kind = condition.get("kind")
    if isinstance(kind, str | list):
        found.append(frozenset([kind] if isinstance(kind, str) else kind))
    known = [kinds for kinds in found if kinds is not None]
    return frozenset.intersection(*known) if known else None


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]

    def every(subject: Subject, judging: Judging) -> bool:
        for part in parts:  # noqa: SIM110 - all() doubles the cost, and this runs for every effect of every turn
            if not part(subject, judging):
                return False
        return True

    return every


def _any(parts: list[Predicate]) -> Predicate:
    return lambda subject, judging: any(part(subject, judging) for part in parts)


def _not(part: Predicate) -> Predicate:
    return lambda subject, judging: not part(subject, judging)


def _some(part: Predicate, members: Callable[[Subject], Any]) -> Predicate:
    return lambda subject, judging: any(part(member, judging) for member in members(subject))


def _compare(found: Field, test: Test) -> Predicate:
    read = found.read
    return lambda subject, judging: test(read(subject))


def _never(table: Table, on: str) -> Predicate:
    """True when no session counts for it, although at least `in_sessions` could have shown it."""
    what = cast(What, table.choice("what", WHATS.get(on, ())))
    least = table.need("in_sessions", int)
    table.done()
    if least < 1:
        raise table.error(f"{table.at('in_sessions')} is {least}", "never needs at least 1 session to speak of")

    def never(subject: Subject, judging: Judging) -> bool:
        view = judging.views.get(subject.call.server.id, BaselineView(subject.call.server.id))
        key, base = keys(what, subject)
        if view.known(key):
            return False
        if view.count(base) < least:
            judging.unknown.append(f"the baseline has {view.count(base)} of the {least} sessions that it needs")
            return judging.lenient
        judging.seen.append(Seen(what, view.support(key).sessions, view.count(base)))
        return True

    return never


def _test(found: Field, table: Table, key: str) -> Test:
    """The comparison written under `key`: a value, a list of values, or a table with one operator or more."""
    raw = table.raw(key)
    if isinstance(raw, list):
        return _operator("one_of" if found.kind != "texts" else "has_any", raw, found, table, key)
    if not isinstance(raw, dict):
        return _operator("is" if found.kind != "texts" else "has", raw, found, table, key)
    tests = [_operator(operator, operand, found, table, f"{key}.{operator}") for operator, operand in raw.items()]
    if not tests:
        raise table.error(f"{table.at(key)} names no operator", f"allowed: {', '.join(_OPERATORS[found.kind])}")
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def _operator(operator: str, operand: Any, found: Field, table: Table, key: str) -> Test:
    if operator not in _OPERATORS[found.kind]:
        allowed = ", ".join(_OPERATORS[found.kind])
        raise table.error(f"{table.at(key)}: unknown operator {operator!r}", f"allowed: {allowed}")
    if operator == "exists":
        if type(operand) is not bool:
            raise table.error(f"{table.at(key)} must be true or false, not {operand!r}")
        return lambda value: (value is not None and value not in ("", ())) is operand
    operands = operand if isinstance(operand, list) and operator in _MANY else [operand]
    for one in operands:
        _check(one, found, table, key)
    return _comparison(operator, tuple(operands), found.kind)


def _check(value: Any, found: Field, table: Table, key: str) -> None:
    if type(value) not in _VALUES[found.kind]:
        raise table.error(f"{table.at(key)}: {value!r} does not fit a {found.kind} field")
    if found.choices and value not in found.choices:
        raise table.error(f"{table.at(key)}: unknown value {value!r}", f"allowed: {', '.join(found.choices)}")


def _comparison(operator: str, operands: tuple[Any, ...], kind: FieldKind) -> Test:
    first = operands[0] if operands else None
    if operator == "at_least" and kind == "binding":
        enough = frozenset(BINDINGS[BINDINGS.index(cast(str, first)) :])
        return lambda value: value in enough
    tests: Mapping[str, Test] = {
        "is": lambda value: value == first,
        "one_of": lambda value: value in operands,
        "starts": lambda value: value is not None and value.startswith(operands),
        "ends": lambda value: value is not None and value.endswith(operands),
        "contains": lambda value: value is not None and any(part in value for part in operands),
        "at_least": lambda value: value is not None and value >= first,
        "at_most": lambda value: value is not None and value <= first,
        "has": lambda value: first in value,
        "has_any": lambda value: any(operand in value for operand in operands),
    }
    return tests[operator]
