"""What is measured of a turn, relative to what its servers normally do: one row of numbers after each call.

Every number speaks of novelty, effect and origin together; each higher value is more unusual. A layer that was not
watching gives NaN, never 0: nothing seen and nothing looked at are different answers.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import baseline as base
from .baseline import BaselineView
from .events import AgentSpan, ArgumentFact, Call, Effect, Layer
from .turn import Turn

__all__ = [
    "FEATURES",
    "FEATURE_HASH",
    "FEATURE_SET",
    "NAMES",
    "Feature",
    "Rows",
    "acts",
    "argument_names_are_new",
    "is_unannounced",
    "measured",
    "new_children",
    "new_destinations",
    "new_paths",
    "new_values",
    "order_surprise",
    "rows",
    "sent_outside",
    "size_surprise",
    "tainted",
    "undeclared_actions",
    "unlearnable_opens",
    "view_of",
]

Rows = NDArray[np.float64]
Fold = Literal["max", "sum", "mean"]
Unit = Literal["bits", "share", "log"]

FEATURE_SET = "v1"
_ACCESS_MODE, _CREATE, _TRUNCATE = 0o3, 0o100, 0o1000
# A server chooses its names: one can make a call count as acting, never as harmless.
_VERBS = frozenset(
    re.findall(
        r"\w+",
        """
    add append cancel commit copy create delete drop edit execute grant insert invite invoke merge move pay post publish
    push put remove rename reply reserve run schedule send set share submit transfer update upload write
""",
    )
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True, slots=True)
class Feature:
    """One column, from 0 to `high`. `fold` says how the calls of a turn add up, `unit` `log` is log2(1 + n); `grain` is
    the smallest step beyond everything seen that counts as another halving of its rarity."""

    name: str
    layer: Layer
    unit: Unit
    high: float
    fold: Fold
    grain: float
    meaning: str


FEATURES = (
    Feature("tool_surprise", "protocol", "bits", 64, "max", 2, "-log2 P(tool | the two actions before), backed off"),
    Feature("mean_surprise", "protocol", "bits", 64, "mean", 2, "the same, mean over the calls"),
    Feature("acting_surprise", "protocol", "bits", 64, "max", 2, "the same, over calls that write or send"),
    Feature(
        "new_argument_names", "protocol", "share", 1, "max", 1, "1 where a set of argument names is new for a tool"
    ),
    Feature("new_values", "protocol", "share", 1, "max", 0.5, "of a call: values new on the whole server"),
    Feature("acting_new_values", "protocol", "share", 1, "max", 0.5, "of an acting call's: values new at their place"),
    Feature("tainted_values", "protocol", "log", 16, "sum", 1, "new values of acting calls, not from the prompt"),
    Feature("argument_size", "protocol", "bits", 96, "max", 2, "request size: rarity, and doublings beyond the known"),
    Feature("errors", "protocol", "log", 16, "sum", 1, "calls that failed"),
    Feature("new_paths", "execution", "log", 16, "sum", 1, "directories never opened by the tool"),
    Feature("secret_opens", "execution", "log", 16, "sum", 1, "sensitive files opened, named by no argument"),
    Feature("new_destinations", "execution", "log", 16, "sum", 1, "outside addresses new for the tool"),
    Feature("sent_outside", "execution", "bits", 96, "max", 4, "bytes out: rarity, and doublings beyond the known"),
    Feature("new_children", "execution", "log", 16, "sum", 1, "programs never started by the tool"),
    Feature("undeclared_actions", "execution", "log", 16, "sum", 1, "new writes and contacts, named by no argument"),
    Feature("unannounced_calls", "agent", "log", 16, "sum", 1, "calls the agent's own spans do not tell of"),
)
NAMES = tuple(feature.name for feature in FEATURES)
FEATURE_HASH = hashlib.sha256(repr((FEATURE_SET, FEATURES)).encode()).hexdigest()[:16]


def measured(turn: Turn) -> Turn:
    """The turn with only the calls that are measured."""
    return Turn(turn.key, tuple(filter(base.is_action, turn.calls)), turn.spans)


def rows(turn: Turn, views: Mapping[str, BaselineView]) -> Rows:
    """One row for each call of a measured() turn: the turn up to and with it. Shape (calls, features), NaN where
    nothing looked."""
    each = np.array([_measure(turn, index, views) for index in range(len(turn.calls))], dtype=np.float64)
    each = each.reshape(len(turn.calls), len(FEATURES))
    columns = [_folded(feature, each[:, at]) for at, feature in enumerate(FEATURES)]
    return np.clip(np.stack(columns, axis=1), 0.0, _HIGH)


def _folded(feature: Feature, column: Rows) -> Rows:
    """The running value of one column; calls that could not tell leave it as it was, NaN until one could."""
    told = ~np.isnan(column)
    seen = np.cumsum(told)
    if feature.fold == "max":
        running = np.fmax.accumulate(column)
    else:
        running = np.cumsum(np.where(told, column, 0.0))
        if feature.fold == "mean":
            running = running / np.maximum(seen, 1)
    if feature.unit == "log":
        running = np.log2(1 + running)
    return np.where(seen > 0, running, np.nan)


def _measure(turn: Turn, index: int, views: Mapping[str, BaselineView]) -> list[float]:
    """The values of one call, in the order of FEATURES."""
    call = turn.calls[index]
    view = view_of(call, views)
    values = dict.fromkeys(NAMES, math.nan)
    if call.coverage.protocol:
        values |= _protocol(turn, index, view)
    if call.coverage.execution:
        values |= {name: float(len(found(call, view))) for name, found in _EXECUTION.items()}
        values["sent_outside"] = size_surprise("out", call, sent_outside(call), view)
    if turn.spans and call.coverage.protocol:
        values["unannounced_calls"] = float(is_unannounced(call, turn.spans))
    return list(values.values())


def _protocol(turn: Turn, index: int, view: BaselineView) -> dict[str, float]:
    call = turn.calls[index]
    surprise = order_surprise(turn, index, view)
    acting = acts(call)
    told = any(fact.origin != "unknown" for fact in call.arguments)
    return {
        "tool_surprise": surprise,
        "mean_surprise": surprise,
        "acting_surprise": surprise if acting else 0.0,
        "new_argument_names": float(argument_names_are_new(call, view)),
        "new_values": _share(new_values(call, view, anywhere=True), call),
        "acting_new_values": _share(new_values(call, view), call) if acting else 0.0,
        "tainted_values": float(len(tainted(call, view)) if acting else 0) if told else math.nan,
        "argument_size": size_surprise("in", call, call.request_size, view),
        "errors": float(bool(call.is_error) or call.error_code is not None),
    }


def view_of(call: Call, views: Mapping[str, BaselineView]) -> BaselineView:
    """The view of the call's server; one that knows nothing where there is none."""
    return views.get(call.server.id) or BaselineView(call.server.id)


def order_surprise(turn: Turn, index: int, view: BaselineView) -> float:
    """-log2 of the share of sessions in which this tool followed the two actions before it, backed off to one action
    and to the tool alone (linear interpolation with weight 2)."""
    actions = base.actions_before(turn.calls, index)
    estimate = (view.count(base.tool_key(actions[-1])) + 0.5) / (view.sessions + 1)
    pair = base.edge_keys(actions)
    for before, edge in zip(pair[::2], pair[1::2], strict=True):
        estimate = (view.count(edge) + 2 * estimate) / (view.count(before) + 2)
    return max(-math.log2(estimate), 0.0)


def acts(call: Call) -> bool:
    """Whether a call writes or sends: by the words of its name, by an address in its arguments, or by what it did."""
    words = {word.lower() for word in _WORD.findall(base.action_of(call))}
    if words & _VERBS or any(fact.kind in {"url", "host"} for fact in call.arguments):
        return True
    return any(base.is_outside(effect) for effect in call.effects)


def argument_names_are_new(call: Call, view: BaselineView) -> bool:
    key = base.argument_keys_key(base.action_of(call), base.argument_keys(call))
    return not view.known(key)


def new_values(call: Call, view: BaselineView, *, anywhere: bool = False) -> tuple[ArgumentFact, ...]:
    """Arguments of which no digest is known: at their place, or `anywhere` on the server."""
    tool = base.action_of(call)

    def is_new(fact: ArgumentFact) -> bool:
        place = ("", "") if anywhere else (tool, fact.pointer)
        return bool(fact.digests) and not any(view.known(base.value_key(*place, digest)) for digest in fact.digests)

    return tuple(filter(is_new, call.arguments))


def tainted(call: Call, view: BaselineView) -> tuple[ArgumentFact, ...]:
    """New values that came from somewhere else than the user's prompt."""
    return tuple(fact for fact in new_values(call, view) if fact.origin in {"result", "none"})


def size_surprise(kind: str, call: Call, size: int, view: BaselineView) -> float:
    """Bits: -log2 of the share of the tool's sessions that reached this size, and one for each doubling beyond the
    largest known. 0 for a tool without history: its novelty is told elsewhere."""
    tool = base.action_of(call)
    history = view.count(base.tool_key(tool))
    rungs = base.size_keys(kind, tool, size)
    if not rungs or not history:
        return 0.0
    beyond = next((at for at, rung in enumerate(reversed(rungs)) if view.count(rung)), len(rungs))
    return max(-math.log2((view.count(rungs[-1]) + 0.5) / (history + 1)), 0.0) + beyond


def sent_outside(call: Call) -> int:
    return sum(effect.bytes_out for effect in call.effects if base.is_outside(effect))


def new_paths(call: Call, view: BaselineView) -> tuple[str, ...]:
    """Classes of directories the tool opened and never did before."""
    tool = base.action_of(call)
    opened = (effect.path for effect in call.effects if effect.kind == "open" and effect.path and effect.result >= 0)
    classes = dict.fromkeys(map(base.path_class, opened))
    return tuple(name for name in classes if not view.known(base.path_class_key(tool, name)))


def unlearnable_opens(call: Call, _view: BaselineView) -> tuple[str, ...]:
    """Sensitive files the call opened although no argument named them."""
    opened = (e for e in call.effects if e.kind == "open" and e.sensitivity is not None and not e.declared)
    return tuple(dict.fromkeys(effect.path or "" for effect in opened))


def new_destinations(call: Call, view: BaselineView) -> tuple[tuple[str, int], ...]:
    """Outside addresses and ports the tool never contacted before."""
    contacted = dict.fromkeys((e.address or "", e.port or 0) for e in call.effects if base.is_outside(e))
    tool = base.action_of(call)
    return tuple(to for to in contacted if not view.known(base.destination_key(tool, *to)))


def new_children(call: Call, view: BaselineView) -> tuple[str, ...]:
    tool = base.action_of(call)
    started = dict.fromkeys(effect.path for effect in call.effects if effect.kind == "exec" and effect.path)
    return tuple(path for path in started if not view.known(base.child_key(tool, path)))


def undeclared_actions(call: Call, view: BaselineView) -> tuple[str, ...]:
    """Writes into unknown directories and contacts with unknown addresses that no argument named."""
    fresh = set(new_paths(call, view))
    acting = [e for e in call.effects if not e.declared]
    written = [e.path for e in acting if e.path and _writes(e) and base.path_class(e.path) in fresh]
    reached = {f"{e.address}:{e.port or 0}" for e in acting if base.is_outside(e)}
    unknown = [f"{address}:{port}" for address, port in new_destinations(call, view)]
    return tuple(dict.fromkeys([*written, *(to for to in unknown if to in reached)]))


def is_unannounced(call: Call, spans: Sequence[AgentSpan]) -> bool:
    """Whether the agent told of later work and not of this call. Before that, its span may still be on the way."""
    if not call.tool or call.ended_ns > max(span.ended_ns for span in spans):
        return False
    return all(span.tool != call.tool for span in spans)


def _writes(effect: Effect) -> bool:
    return effect.kind == "open" and bool(effect.flags & (_ACCESS_MODE | _CREATE | _TRUNCATE)) and effect.result >= 0


def _share(found: Sequence[ArgumentFact], call: Call) -> float:
    return len(found) / max(len(call.arguments), 1)


_Found = Callable[[Call, BaselineView], Sequence[object]]
_EXECUTION: Mapping[str, _Found] = {
    "new_paths": new_paths,
    "secret_opens": unlearnable_opens,
    "new_destinations": new_destinations,
    "new_children": new_children,
    "undeclared_actions": undeclared_actions,
}
_HIGH = np.array([feature.high for feature in FEATURES])
