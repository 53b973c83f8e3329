"""What a gateway's facts say of one call of a turn, relative to what its server normally sees.

Novelty, effect and origin are asked about together. What is not known to come from the prompt may have been planted: a
gateway that cannot see the prompt rules out less, and its turns are measured by the same definitions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import baseline as base
from .acting import acts, sends, writes
from .baseline import BaselineView
from .events import ArgumentFact, Call
from .sizes import size_surprise
from .sources import anywhere, may_be_returned, source_key, sources_told
from .statements import statement_key, statements
from .turn import Turn

__all__ = [
    "Moment",
    "is_new_habit",
    "is_settled",
    "moments",
    "new_statements",
    "new_values",
    "order_surprise",
    "protocol",
    "returned",
    "sent_values",
    "source_surprise",
    "sources",
    "unprompted",
    "view_of",
]


_SETTLED = 10  # sessions, before a principal has habits


@dataclass(frozen=True, slots=True)
class Moment:
    """One call, and what its turn did before it. `carried`: a value of it stood in an earlier call of the turn."""

    turn: Turn
    index: int
    view: BaselineView
    carried: bool
    after_write: bool

    @property
    def call(self) -> Call:
        return self.turn.calls[self.index]


def moments(turn: Turn, views: Mapping[str, BaselineView]) -> Iterator[Moment]:
    """The calls of a measured turn, each with what came before."""
    earlier: set[str] = set()
    after_write = False
    for index, call in enumerate(turn.calls):
        values = {digest for fact in call.arguments if fact.size for digest in fact.digests}
        carried = not earlier.isdisjoint(values)
        yield Moment(turn, index, view_of(call, views), carried, after_write)
        earlier |= values
        after_write = after_write or writes(call)


def view_of(call: Call, views: Mapping[str, BaselineView]) -> BaselineView:
    """The view of the call's server; one that knows nothing where there is none."""
    return views.get(call.server.id) or BaselineView(call.server.id)


def protocol(moment: Moment) -> dict[str, float]:
    """The protocol features of one call."""
    call, view = moment.call, moment.view
    order = order_surprise(moment.turn, moment.index, view)
    acting, free = acts(call), unprompted(call)
    source = source_surprise(call, view) if free else 0.0
    alone = float(not moment.carried)
    return {
        "unprompted_source": source if sources_told(call) else math.nan,
        "unprompted_order": order if free else 0.0,
        "unprompted_size": size_surprise("in", call, call.request_size, view) if free else 0.0,
        "unprompted_alone": alone if free else 0.0,
        "write_alone": alone if writes(call) and call.arguments else 0.0,
        "acting_new_values": _share(returned(call, view), call) if acting else 0.0,
        "acting_foreign_values": _share(returned(call, view, anywhere=True), call) if acting else 0.0,
        "sent_values": float(len(sent_values(call, view))),
        "new_values": _share(new_values(call, view, anywhere=True), call),
        "read_after_write": float(moment.after_write and not writes(call)),
        "mean_surprise": order,
        "new_statements": float(len(new_statements(call, view))),
        "new_habits": float(is_new_habit(call, view)) if is_settled(call, view) else math.nan,
    }


def unprompted(call: Call) -> bool:
    """Whether a call writes and none of its values is known to come from the prompt."""
    return writes(call) and bool(call.arguments) and all(fact.origin != "prompt" for fact in call.arguments)


def order_surprise(turn: Turn, index: int, view: BaselineView) -> float:
    """-log2 of the share of sessions in which this tool followed the two actions before it, backed off to one action
    and to the tool alone (linear interpolation with weight 2)."""
    actions = base.actions_before(turn.calls, index)
    estimate = (view.count(base.tool_key(actions[-1])) + 0.5) / (view.sessions + 1)
    pair = base.edge_keys(actions)
    for before, edge in zip(pair[::2], pair[1::2], strict=True):
        estimate = (view.count(edge) + 2 * estimate) / (view.count(before) + 2)
    return max(-math.log2(estimate), 0.0)


def new_statements(call: Call, view: BaselineView) -> tuple[tuple[str, str], ...]:
    """Kinds of SQL with the tables they ask, never given to the tool before."""
    tool = base.action_of(call)
    return tuple(named for named in statements(call) if not view.known(statement_key(tool, *named)))


def is_settled(call: Call, view: BaselineView) -> bool:
    """Whether the principal of a call is known, and seen often enough to have habits."""
    who = call.principal.id
    return bool(who) and view.support(base.habit_key(who)).sessions >= _SETTLED


def is_new_habit(call: Call, view: BaselineView) -> bool:
    """Whether a tool that others use was never used by this principal. Its own word is enough for a habit: a tool that
    nobody else uses is told of elsewhere."""
    tool = base.action_of(call)
    return view.known(base.tool_key(tool)) and not view.support(base.habit_key(call.principal.id, tool)).sessions


def sources(fact: ArgumentFact, call: Call, view: BaselineView) -> tuple[int, int]:
    """In how many sessions a value came from there at this place of the tool, of how many in which somebody looked."""
    where = base.action_of(call), fact.pointer
    return view.count(source_key(*where, fact.origin)), view.count(source_key(*where))


def source_surprise(call: Call, view: BaselineView) -> float:
    """-log2 of the share of sessions in which a value came from there, mean over the values; backed off from the tool's
    place to the same place of all that writes, and to all writes (linear interpolation with weight 2)."""
    told = [fact for fact in call.arguments if fact.origin != "unknown"]
    surprise = (_source_surprise(fact, base.action_of(call), view) for fact in told)
    return sum(surprise) / max(len(call.arguments), 1)


def _source_surprise(fact: ArgumentFact, tool: str, view: BaselineView) -> float:
    estimate = 1 / 3  # prompt, result or neither
    weights = (2, 2, 1.5)
    for where, weight in reversed(tuple(zip(anywhere(tool, fact.pointer), weights, strict=True))):
        seen, of = view.count(source_key(*where, fact.origin)), view.count(source_key(*where))
        estimate = (seen + weight * estimate) / (of + weight)
    return max(-math.log2(estimate), 0.0)


def new_values(call: Call, view: BaselineView, *, anywhere: bool = False) -> tuple[ArgumentFact, ...]:
    """Arguments of which no digest is known: at their place, or `anywhere` on the server."""
    tool = base.action_of(call)

    def is_new(fact: ArgumentFact) -> bool:
        place = ("", "") if anywhere else (tool, fact.pointer)
        return bool(fact.digests) and not any(view.known(base.value_key(*place, digest)) for digest in fact.digests)

    return tuple(filter(is_new, call.arguments))


def returned(call: Call, view: BaselineView, *, anywhere: bool = False) -> tuple[ArgumentFact, ...]:
    """New values that may have been taken from an earlier result."""
    return tuple(filter(may_be_returned, new_values(call, view, anywhere=anywhere)))


def sent_values(call: Call, view: BaselineView) -> tuple[ArgumentFact, ...]:
    """New values, not known to come from the prompt, of a call that reaches out without writing."""
    return tuple(fact for fact in new_values(call, view) if fact.origin != "prompt") if sends(call) else ()


def _share(found: Sequence[ArgumentFact], call: Call) -> float:
    return len(found) / max(len(call.arguments), 1)
