"""A Sigma correlation, read from pySigma: what it counts, by what that is grouped, and when it holds."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ..detections.engine.sightings import Reach
from .errors import SigmaRuleError
from .fields import Event, Scalar, spread
from .predicates import OF_TURNS, field_of
from .values import unsupported

if TYPE_CHECKING:
    from sigma.correlations import SigmaCorrelationRule, SigmaRuleReference

__all__ = ["KINDS", "Correlation", "Group", "Slot", "read_correlation"]

KINDS = (
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_median",
    "value_percentile",
    "temporal",
    "temporal_ordered",
)
_NUMERIC = frozenset({"value_sum", "value_avg", "value_median", "value_percentile"})
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
_MOST = 4_096  # matches of a group that are remembered
_FEW = 256
_LONG = 128
Group = tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One of the rules whose matches are counted, with the names of the fields in its events."""

    rule: str  # id of the base rule
    group_by: tuple[str, ...]
    value: str | None

    def groups(self, event: Event) -> Iterator[Group]:
        """The groups an event belongs to: one for every value of its fields; none where a field has no value."""
        found = [[_folded(one) for one in spread(event.get(name))] for name in self.group_by]
        return iter(dict.fromkeys(product(*found)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """When the matches of its slots within `span_us` are a hit. `terms`: combinations of rules, in the order of their
    slots, that must all be there, for conditions written as text; else `op` compares the metric of `kind` with
    `count`."""

    kind: str
    slots: tuple[Slot, ...]
    span_us: int
    op: str
    count: float
    percentile: float
    terms: tuple[tuple[str, ...], ...]

    @property
    def reach(self) -> Reach:
        """How much of a group must be known: to count events not many more than the condition names."""
        counts = self.kind == "event_count"
        most = min(_MOST, max(_FEW, math.ceil(4 * self.count))) if counts else _MOST
        least = math.ceil(self.count) if counts and self.op in ("gt", "gte", "eq") else 0
        keep_s = self.span_us // 1_000_000 + 1
        return Reach(most, keep_s, least, self.span_us + 1)  # a timespan includes both of its ends

    def holds(self, metric: float) -> bool:
        return _OPERATORS[self.op](metric, self.count)

    def value(self, slot: Slot, event: Event) -> str:
        """What the metric counts or adds up, as text; numbers only where it does sums. Empty for nothing."""
        found = spread(event.get(slot.value)) if slot.value else ()
        if not found:
            return ""
        return _number(found[0]) if self.kind in _NUMERIC else _short(str(_folded(found[0])))


def read_correlation(rule: SigmaCorrelationRule, categories: Mapping[str, str]) -> Correlation:
    """`categories`: by id of each base rule. Raises SigmaRuleError D11, D12."""
    from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule  # noqa: PLC0415

    kind = rule.type.name.lower()
    if any(isinstance(reference.rule, SigmaCorrelationRule) for reference in rule.referenced_rules):
        raise unsupported("a correlation of correlations")
    condition = rule.condition
    simple = condition if isinstance(condition, SigmaCorrelationCondition) else None
    field = simple.fieldref if simple else None
    if isinstance(field, list):
        raise unsupported("a correlation over several fields")
    slots = tuple(_slot(rule, reference, field, categories) for reference in rule.referenced_rules)
    names = {reference.reference: index for index, reference in enumerate(rule.referenced_rules)}
    terms = () if simple else _terms(getattr(condition, "parsed"), names)  # noqa: B009 - untyped union
    percentile = simple.percentile if simple and simple.percentile is not None else 50
    if kind == "value_percentile" and not 0 <= percentile <= 100:
        raise SigmaRuleError(f"percentile {percentile} is none", "between 0 and 100", code="D11")
    if kind == "event_count" and simple and simple.count > _MOST:
        raise SigmaRuleError(f"{simple.count} events of a group are too many", f"{_MOST} at most", code="D11")
    return Correlation(
        kind=kind,
        slots=slots,
        span_us=rule.timespan.seconds * 1_000_000,
        op=simple.op.name.lower() if simple else "gte",
        count=simple.count if simple else 0,
        percentile=50 if kind == "value_median" else percentile,
        terms=tuple(tuple(slots[index].rule for index in sorted(term)) for term in terms),
    )


def _slot(
    rule: SigmaCorrelationRule, reference: SigmaRuleReference, field: str | None, categories: Mapping[str, str]
) -> Slot:
    base = str(reference.rule.id or reference.rule.name)
    category = categories[base]
    aliases = _aliases(rule, reference)

    def name(written: str) -> str:
        found = field_of(aliases.get(written, written), category)
        if found in OF_TURNS:
            raise unsupported(f"a correlation over {found}, which a call does not say")
        return found

    return Slot(rule=base, group_by=tuple(map(name, rule.group_by or ())), value=name(field) if field else None)


def _aliases(rule: SigmaCorrelationRule, reference: SigmaRuleReference) -> dict[str, str]:
    names = (reference.reference, reference.rule.name, str(reference.rule.id))
    return {
        alias.alias: field
        for alias in rule.aliases
        for target, field in alias.mapping.items()
        if target.reference in names
    }


def _terms(node: Any, names: Mapping[str, int]) -> Sequence[frozenset[int]]:
    """The condition as combinations of slots, any of which is enough. What must be absent would hold a finding back
    until time has passed, so it is refused."""
    from sigma.correlations import CorrelationConditionAND, CorrelationConditionOR, SigmaRuleReference  # noqa: PLC0415

    if isinstance(node, SigmaRuleReference):
        return [frozenset({names[node.reference]})]
    if isinstance(node, CorrelationConditionOR):
        return [term for part in node.args for term in _terms(part, names)]
    if isinstance(node, CorrelationConditionAND):
        return [frozenset().union(*terms) for terms in product(*(_terms(part, names) for part in node.args))]
    raise unsupported("`not` in the condition of a correlation")


def _folded(value: Scalar) -> Scalar:
    return value.lower() if isinstance(value, str) else value


def _number(value: Scalar) -> str:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except ValueError:
        return ""
    return repr(number) if math.isfinite(number) else ""


def _short(text: str) -> str:
    """Values are only told apart: a long one by its digest."""
    return text if len(text) <= _LONG else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
