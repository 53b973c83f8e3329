"""Which subjects a condition is worth asking about: what follows from traits and paths, weighed once for equal ones.

A gate admits all that its condition can hold for; whatever these do not tell is taken for true.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import TypeVar

from ...events import Call, Effect
from ...turn import Turn
from .comparing import Test, test_of
from .subjects import FIELDS, NESTED, Field, Subject, subject_of
from .table import Table
from .traits import GIVEN, TOLD, Traits, grouped

__all__ = ["Gate", "gate_of"]

_REMEMBERED = 4096
_place = itemgetter(0)
_Key = TypeVar("_Key")
_Holds = Callable[[Subject], bool]


class Gate:
    """Of one condition about calls, effects or definitions."""

    __slots__ = ("_by_path", "_by_traits", "_holds", "_named")

    def __init__(self, holds: _Holds, named: _Holds) -> None:
        """`holds` looks at traits, `named` at the path of an effect as well, which most calls share with others."""
        self._holds, self._named = holds, named
        self._by_traits: dict[Traits, bool] = {}
        self._by_path: dict[tuple[Traits, str | None], bool] = {}

    def admits(self, traits: Traits, one: Subject) -> bool:
        """Whether the condition can hold for any subject with these traits, as `one` has them."""
        known = self._by_traits.get(traits)
        return _keep(self._by_traits, traits, self._holds(one)) if known is None else known

    def effects(self, turn: Turn, call: Call) -> list[Subject]:
        """The effects of a call that it admits, in the order they have there."""
        admitted = [
            (place, subject_of(turn, call, effect))
            for traits, effects in grouped(call).items()
            if self.admits(traits, subject_of(turn, call, effects[0][1]))
            for place, effect in effects
            if self._fits(traits, effect, turn, call)
        ]
        admitted.sort(key=_place)
        return [subject for _, subject in admitted]

    def _fits(self, traits: Traits, effect: Effect, turn: Turn, call: Call) -> bool:
        key = (traits, effect.path)
        known = self._by_path.get(key)
        return _keep(self._by_path, key, self._named(subject_of(turn, call, effect))) if known is None else known


def gate_of(table: Table, on: str) -> Gate:
    """The gate of a condition that was read already."""
    told = TOLD.get(on, frozenset())
    return Gate(_holds(table, on, told), _holds(table, on, told | {"path"}))


def _keep(known: dict[_Key, bool], key: _Key, holds: bool) -> bool:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = holds
    return holds


def _holds(table: Table, on: str, told: frozenset[str]) -> _Holds:
    parts: list[_Holds] = []
    if table.has("all"):
        parts += [_holds(entry, on, told) for entry in table.tables("all")]
    if table.has("any"):
        parts.append(_any([_holds(entry, on, told) for entry in table.tables("any")]))
    for key in table.rest():
        if key in told and key in FIELDS[on]:
            parts.append(_told(FIELDS[on][key], test_of(FIELDS[on][key], table, key)))
        elif key in GIVEN.get(on, ()):
            parts.append(_given(table, on, key))
    return lambda subject: all(part(subject) for part in parts)


def _any(parts: list[_Holds]) -> _Holds:
    return lambda subject: any(part(subject) for part in parts)


def _told(found: Field, test: Test) -> _Holds:
    read = found.read
    return lambda subject: test(read(subject))


def _given(table: Table, on: str, key: str) -> _Holds:
    """Of what is there nothing is known; what is not there holds no part, and as a field is None."""
    if key in NESTED[on]:
        members = NESTED[on][key][1]
        return lambda subject: any(True for _ in members(subject))
    read, test = FIELDS[on][key].read, test_of(FIELDS[on][key], table, key)
    return lambda subject: read(subject) is not None or test(None)
