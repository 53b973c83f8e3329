"""The condition of a Sigma rule, as pySigma parses it, compiled to a predicate over flat events.

Two-valued, as Sigma means it: a comparison with a field that an event does not have is false, and its negation true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .errors import SigmaRuleError
from .fields import ALIASES, FIELDS, Event, known, spread, texts
from .values import Test, compile_value, unsupported

if TYPE_CHECKING:
    from sigma.rule import SigmaRule
    from sigma.types import SigmaFieldReference

__all__ = ["OF_TURNS", "Predicate", "compile_rule", "field_of", "fields_asked"]

Predicate = Callable[[Event], bool]
OF_TURNS = frozenset({"gen_ai.agent.name"})
"""Fields that only a turn knows: the agent's spans come on a way of their own."""


def compile_rule(rule: SigmaRule, category: str) -> Predicate:
    """True for an event that one of the rule's conditions holds for. Raises SigmaRuleError D11, D12."""
    parts = [_compile(condition.parsed, category) for condition in rule.detection.parsed_condition]
    return parts[0] if len(parts) == 1 else lambda event: any(part(event) for part in parts)


def fields_asked(rule: SigmaRule) -> Iterator[str]:
    """The fields that its conditions compare, by the names that stand there."""
    nodes: list[Any] = [condition.parsed for condition in rule.detection.parsed_condition]
    while nodes:
        node = nodes.pop()
        nodes += getattr(node, "args", ())
        if name := getattr(node, "field", None):
            yield name


def field_of(name: str, category: str) -> str:
    """The published name of a field. Raises SigmaRuleError D12 where the category has none of this name."""
    found = known(category, name)
    if found is None:
        near = sorted(field for field in (*FIELDS[category], *ALIASES) if name.lower().split(".")[-1] in field.lower())
        hint = f"near it: {', '.join(near)}" if near else "triptych detections list --fields shows what there is"
        raise SigmaRuleError(f"events of category {category} have no field {name!r}", hint, code="D12")
    return found


def _compile(node: Any, category: str) -> Predicate:
    from sigma import conditions  # noqa: PLC0415

    if isinstance(node, conditions.ConditionFieldEqualsValueExpression):
        return _field(field_of(node.field, category), node.value, category)
    if isinstance(node, conditions.ConditionValueExpression):
        return _keyword(node.value)
    if not isinstance(node, conditions.ConditionAND | conditions.ConditionOR | conditions.ConditionNOT):
        raise unsupported(f"a condition of kind {type(node).__name__.removeprefix('Condition')}")
    parts = [_compile(part, category) for part in node.args]
    if isinstance(node, conditions.ConditionNOT):
        return lambda event: not parts[0](event)
    if isinstance(node, conditions.ConditionAND):
        return lambda event: all(part(event) for part in parts)
    return lambda event: any(part(event) for part in parts)


def _field(name: str, value: Any, category: str) -> Predicate:
    from sigma.types import SigmaExpansion, SigmaFieldReference  # noqa: PLC0415

    if isinstance(value, SigmaExpansion):
        parts = [_field(name, one, category) for one in value.values]
        return lambda event: any(part(event) for part in parts)
    if isinstance(value, SigmaFieldReference):
        return _reference(name, field_of(value.field, category), value)
    test = compile_value(value)
    return lambda event: test(event.get(name))


def _reference(name: str, other: str, value: SigmaFieldReference) -> Predicate:
    """One field against another of the same event."""
    compare: Callable[[str, str], bool] = {
        (False, False): lambda one, two: one == two,
        (True, False): lambda one, two: one.startswith(two),
        (False, True): lambda one, two: one.endswith(two),
        (True, True): lambda one, two: two in one,
    }[value.starts_with, value.ends_with]
    return lambda event: any(
        compare(one.lower(), two.lower()) for one in texts(event.get(name)) for two in texts(event.get(other))
    )


def _keyword(value: Any) -> Predicate:
    """A value without a field: it stands somewhere in any text of the event."""
    from sigma.types import SigmaExpansion, SigmaNumber, SigmaString, SpecialChars  # noqa: PLC0415

    if isinstance(value, SigmaExpansion):
        parts = [_keyword(one) for one in value.values]
        return lambda event: any(part(event) for part in parts)
    if isinstance(value, SigmaNumber):
        value = SigmaString(str(value))
    if isinstance(value, SigmaString):
        value = SpecialChars.WILDCARD_MULTI + value + SpecialChars.WILDCARD_MULTI
    return _anywhere(compile_value(value))


def _anywhere(test: Test) -> Predicate:
    return lambda event: any(test(found) for found in event.values() if spread(found))
