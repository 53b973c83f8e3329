"""What of a call and its effects shows at a glance: little enough that calls share it, enough to rule most steps out.

Fields that are TOLD follow from the traits alone; of fields that are GIVEN the traits tell whether they are None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...baseline import is_action
from ...events import Call, Effect
from .facets import status_of
from .once import Once

__all__ = ["GIVEN", "TOLD", "Traits", "grouped", "kind_of", "traits_of"]

Traits = tuple[object, ...]

TOLD: Mapping[str, frozenset[str]] = {
    "call": frozenset(
        {"state", "is_error", "is_action", "anomalies", "policy", "text_tags", "error_code", "status", "listed"}
    ),
    "effect": frozenset({"kind", "flags", "access", "sensitivity", "destination", "declared"}),
}
GIVEN: Mapping[str, frozenset[str]] = {
    "call": frozenset({"tool", "arguments_digest"}),
    "effect": frozenset({"deed", "detail"}),
}


def _of_call(call: Call) -> Traits:
    return (
        *(call.state, call.is_error, is_action(call), call.anomalies, call.policy, call.text_tags, call.error_code),
        *(status_of(call), len(call.tools), call.tool is None, call.arguments_digest is None),
    )


def _of_effect(effect: Effect) -> Traits:
    return (
        *(effect.kind, effect.flags, effect.sensitivity, effect.destination, effect.declared),
        *(not effect.address, effect.detail is None),
    )


def _grouped(call: Call) -> Mapping[Traits, Sequence[tuple[int, Effect]]]:
    groups: dict[Traits, list[tuple[int, Effect]]] = {}
    for place, effect in enumerate(call.effects):
        groups.setdefault(_of_effect(effect), []).append((place, effect))
    return groups


traits_of = Once(_of_call)
grouped = Once(_grouped)
"""The effects of a call, with their places, by traits."""
kind_of = Once(lambda call: (traits_of(call), frozenset(grouped(call))))
"""The traits of a call and those of its effects."""
