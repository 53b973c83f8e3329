"""TOML rules as Sigma, as far as Sigma can say the same: one thing that happened, by fields and without a baseline.

What cannot be said is refused with the reason, never left out. Sigma compares text without case: what differs in that
alone is hit as well.
"""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import Mapping
from typing import Any

import yaml

from ...models.bindings import BINDINGS
from ...models.detections.engine import Rule
from ...models.sigma.fields import CATEGORIES, names_of
from .errors import DetectionsError

__all__ = ["to_sigma"]

_NAMESPACE = uuid.UUID("9c0c2d53-6d3a-5b1a-8a2e-2b8b8f1c7f10")
_ESCALATES = " In some circumstances it is worse than its level says."
_MODIFIERS = {
    "starts": "|startswith",
    "ends": "|endswith",
    "contains": "|contains",
    "at_least": "|gte",
    "at_most": "|lte",
}


def to_sigma(rule: Rule) -> str:
    """The rule as YAML. Raises DetectionsError D24 where Sigma cannot say it."""
    data = tomllib.loads(rule.file.read_text("utf-8"))
    steps = data.get("match", [])
    if len(steps) != 1 or rule.window is not None:
        raise _cannot(rule, "it is about several things, and Sigma cannot tie them to one call")
    on = steps[0].get("on", "")
    category = next((name for name, sort in CATEGORIES.items() if sort == on), "")
    if not category:
        raise _cannot(rule, f"Sigma has no event of a {on or 'step without a subject'}")
    selections = _Selections(rule, category)
    condition = selections.condition({**steps[0]["where"], **_needed(rule, on)}, on)
    document = {
        "title": rule.title,
        "id": str(uuid.uuid5(_NAMESPACE, rule.id)),
        "status": "stable",
        "description": rule.why + (_ESCALATES if rule.escalations else ""),
        "tags": [f"{'atlas' if one.startswith('AML') else 'attack'}.{one.lower()}" for one in rule.attacks],
        "logsource": {"product": "mcp", "category": category},
        "detection": {**selections.named, "condition": condition},
        "falsepositives": list(rule.false_positives),
        "level": rule.severity,
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _needed(rule: Rule, on: str) -> dict[str, Any]:
    """What a rule needs beside its condition: the place outside of calls, or how well an effect is bound."""
    if rule.needs.baseline != "learning":
        raise _cannot(rule, "it needs a baseline")
    if rule.needs.outside_calls:
        return {"state": "background"} if on == "call" else {"call": {"state": "background"}}
    if on == "effect" and rule.needs.binding != "none":
        return {"binding": list(BINDINGS[BINDINGS.index(rule.needs.binding) :])}
    return {}


def _cannot(rule: Rule, why: str) -> DetectionsError:
    return DetectionsError(f"{rule.id} cannot be said in Sigma: {why}", "use it where it is", code="D24")


class _Selections:
    """The named selections that a condition becomes."""

    def __init__(self, rule: Rule, category: str) -> None:
        self.named: dict[str, Any] = {}
        self._rule = rule
        self._category = category

    def condition(self, where: Mapping[str, Any], on: str) -> str:
        parts: list[str] = []
        fields: dict[str, Any] = {}
        for key, value in where.items():
            if key in ("all", "any"):
                word = " and " if key == "all" else " or "
                parts.append("(" + word.join(self.condition(one, on) for one in value) + ")")
            elif key == "not":
                parts.append(f"not ({self.condition(value, on)})")
            elif key == "call" and on != "call":
                parts.append(self.condition(value, "call"))
            elif key == "detail" and on == "effect":
                parts.append(self.condition({f"detail.{name}": one for name, one in value.items()}, on))
            else:
                fields |= self._field(key, value, on)
        if fields:
            name = f"selection{len(self.named) + 1}"
            self.named[name] = fields
            parts.insert(0, name)
        return " and ".join(parts)

    def _field(self, key: str, value: Any, on: str) -> dict[str, Any]:
        name = names_of(on).get(key)
        if name is None:
            raise _cannot(self._rule, f"it asks for {key!r}, which no published field holds")
        if not isinstance(value, dict):
            return {name: _literal(value)}
        return dict(self._operator(name, operator, operand) for operator, operand in value.items())

    def _operator(self, name: str, operator: str, operand: Any) -> tuple[str, Any]:
        if operator in ("is", "one_of", "has", "has_any"):
            return name, _literal(operand)
        if operator == "exists":
            return f"{name}|exists", operand
        if operator not in _MODIFIERS:
            raise _cannot(self._rule, f"it uses {operator!r}")
        return f"{name}{_MODIFIERS[operator]}", _literal(operand)


def _literal(value: Any) -> Any:
    """What Sigma would take for wildcards, escaped."""
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return re.sub(r"[*?\\]", r"\\\g<0>", value) if isinstance(value, str) else value
