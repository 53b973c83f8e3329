"""Comparing one field of a rule with what the rule writes beside it: a value, a list, or operators. Pure.

Refuses operators and values that do not fit the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ...bindings import BINDINGS
from .subjects import Field, FieldKind
from .table import Table

__all__ = ["Test", "test_of"]

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


def test_of(found: Field, table: Table, key: str) -> Test:
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
