"""A turn as somebody would have seen it who has only some of the layers.

Without the gateway nobody knows tools, arguments or which effect was asked for; where an agent tells of its calls,
tools and their order are known from it. Generous to the layers that remain: which call an effect belongs to, the
conversation and the principal stay known, though it is the gateway that told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations

from ...models.events import Call, Coverage
from ...models.sight import seen_with
from ...models.turn import Turn
from .script import LAYERS

__all__ = ["SUBSETS", "name_of", "seen_by"]

Layers = Collection[str]
SUBSETS: tuple[tuple[str, ...], ...] = tuple(
    subset for size in range(1, len(LAYERS) + 1) for subset in combinations(LAYERS, size)
)
"""Each layer alone, every pair, all three."""
_ANY = "any"
"""In place of a tool's name that nobody told."""


def name_of(layers: Layers) -> str:
    """`protocol + agent`, `all three`."""
    return "all three" if len(layers) == len(LAYERS) else " + ".join(layers)


def seen_by(turn: Turn, layers: Layers) -> Turn:
    """What of a turn these layers tell. A turn of which they tell nothing has no calls."""
    spans = turn.spans if "agent" in layers else ()
    told = {span.tool for span in spans if span.tool}
    sighted = turn if "agent" in layers else seen_with(turn, "result")
    calls = (_seen(call, layers, told) for call in sighted.calls)
    return Turn(turn.key, tuple(call for call in calls if call is not None), spans)


def _seen(call: Call, layers: Layers, told: Collection[str]) -> Call | None:
    if "execution" not in layers:
        call = replace(call, effects=(), effects_dropped=0, unobserved=(), coverage=_without_execution(call.coverage))
    if "protocol" in layers:
        return call
    announced = call.tool in told
    if not announced and "execution" not in layers:
        return None
    return _unasked(call, announced=announced)


def _without_execution(coverage: Coverage) -> Coverage:
    return replace(coverage, execution=False, lost_events=0)


def _unasked(call: Call, *, announced: bool) -> Call:
    """The call without what its gateway told. An agent that announced it told its tool and its place in the order."""
    return Call(
        event_id=call.event_id,
        workload=call.workload,
        correlation_id=call.correlation_id,
        call_id=call.call_id,
        wall_ns=call.wall_ns,
        state=call.state,
        conversation=call.conversation,
        method="tools/call" if call.tool else "",
        tool=(call.tool if announced else _ANY) if call.tool else None,
        principal=call.principal,
        server=call.server,
        started_ns=call.started_ns,
        ended_ns=call.ended_ns,
        binding=call.binding,
        effects=tuple(replace(effect, declared=False) for effect in call.effects),
        coverage=replace(call.coverage, protocol=announced),
    )
