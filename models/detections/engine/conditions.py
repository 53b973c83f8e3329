"""Conditions of a step, compiled to closures: fields with operators, all / any / not, and what a baseline never saw.

There is no expression language: a condition can compare, and nothing else. What cannot be known is not true, and is
written down, so that a rule that might have matched says "not judged" and not "quiet".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ...baseline import BaselineView
from .comparing import Test, test_of
from .gates import gate_of
from .subjects import FIELDS, NESTED, WHATS, Field, Subject, What, keys
from .table import Table
from .traits import TOLD

__all__ = ["Judging", "Predicate", "Seen", "compile_condition", "compile_rest"]


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

_TELLING = frozenset({"sensitivity", "destination", "anomalies", "policy", "text_tags", "error_code"})  # rule out most


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
            few = _admitted(table.table(key)) if inner == "effect" else members
            parts.append(_some(compile_condition(table.table(key), inner, negated=negated), few))
    for key in sorted(table.rest(), key=lambda key: key not in _TELLING):
        if key in FIELDS[on]:
            fields.append(_compare(FIELDS[on][key], test_of(FIELDS[on][key], table, key)))
    parts = fields + parts
    if never is not None:
        if negated:
            raise never.error(f"{never.where} cannot stand under not", "what is unknown would count as known")
        parts.append(_never(never, on))  # last: it is asked, and counted, only where everything else holds
    table.done(FIELDS[on])
    if not parts:
        raise table.error(f"{table.where} says nothing", "a condition names at least one field")
    return _all(parts)


def compile_rest(table: Table, on: str) -> Predicate | None:
    """What of a condition is left to ask of those that its gate admits; None where that is nothing."""
    told = TOLD.get(on, frozenset()) | {"path"} if on == "effect" else TOLD.get(on, frozenset())
    left = table.without(told)
    return compile_condition(left, on) if left.rest() else None


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
    def some(subject: Subject, judging: Judging) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(subject, judging):
                return True
        return False

    return some


def _not(part: Predicate) -> Predicate:
    return lambda subject, judging: not part(subject, judging)


def _admitted(table: Table) -> Callable[[Subject], Iterable[Subject]]:
    """The effects of a call that a condition is worth asking about."""
    gate = gate_of(table, "effect")
    return lambda subject: gate.effects(subject.turn, subject.call)


def _some(part: Predicate, members: Callable[[Subject], Any]) -> Predicate:
    def some(subject: Subject, judging: Judging) -> bool:
        for member in members(subject):  # noqa: SIM110 - as above
            if part(member, judging):
                return True
        return False

    return some


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
