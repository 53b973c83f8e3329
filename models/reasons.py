"""What a score rests on, as facts a person can check: names, addresses and counts of sessions, never feature names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from . import baseline as base
from . import features_execution as execution
from . import features_protocol as protocol
from .acting import acts, changed, sent_outside, writes
from .baseline import BaselineView
from .events import ArgumentFact, Call
from .features_protocol import Moment
from .sizes import size_surprise
from .statements import statement_key
from .text import clean, endpoint, of_sessions, short_path, size
from .turn import Turn

__all__ = ["facts"]

_MOST = 3
_COMMON = 0.2  # what one session in five shows is nothing to speak of
_UNCOMMON_BITS = -math.log2(_COMMON)
_Facts = Callable[[Moment], Iterator[str]]


def facts(feature: str, turn: Turn, upto: int, views: Mapping[str, BaselineView]) -> tuple[str, ...]:
    """At most three facts behind one feature of the turn up to call `upto`, in the order of the calls."""
    seen = list(islice(protocol.moments(turn, views), upto + 1))
    found = (fact for moment in _chosen(feature, seen) for fact in _TELL[feature](moment))
    return tuple(islice(dict.fromkeys(found), _MOST))


def _chosen(feature: str, seen: list[Moment]) -> list[Moment]:
    """The moments a feature speaks of: of orders only the most surprising step."""
    if feature.startswith("unprompted_"):
        seen = [moment for moment in seen if protocol.unprompted(moment.call)]
    if feature in {"unprompted_order", "mean_surprise"}:
        return sorted((one for one in seen if one.call.coverage.protocol), key=_order_surprise)[-1:]
    return seen


def _order_surprise(moment: Moment) -> float:
    return protocol.order_surprise(moment.turn, moment.index, moment.view)


def _order(moment: Moment) -> Iterator[str]:
    """The shortest order that is unusual: a pair that is common says nothing of the triple it ends."""
    actions, view = base.actions_before(moment.turn.calls, moment.index), moment.view
    keys = base.edge_keys(actions)
    for length, (before, edge) in enumerate(zip(keys[::2], keys[1::2], strict=True), 1):
        seen, of = view.support(edge).sessions, view.support(before).sessions or view.sessions
        if view.count(edge) <= _COMMON * of:
            only = ", for one principal only" if seen and not view.known(edge) else ""
            yield f"{clean(actions[-1], 80)} {_behind(actions[:-1], length)}: {of_sessions(seen, of)}{only}"
            return


def _behind(earlier: Sequence[str], length: int) -> str:
    """What came before, the last `length` actions: `after fetch_page`."""
    if not earlier:
        return "as the first call of a turn"
    began = " at the beginning of a turn" if len(earlier) < length else ""
    return f"after {', '.join(clean(action, 80) for action in earlier[-length:])}{began}"


def _sources(moment: Moment) -> Iterator[str]:
    call = moment.call
    for fact in call.arguments:
        seen, of = protocol.sources(fact, call, moment.view)
        if fact.origin in _SOURCE and seen <= _COMMON * of:
            yield f"{_at(call, fact)}: {_SOURCE[fact.origin]}, as in {of_sessions(seen, of)}"


def _argument_size(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    if size_surprise("in", call, call.request_size, view) > _UNCOMMON_BITS:
        yield f"{_tool(call)}: a request of {size(call.request_size)}, {_reached('in', call, call.request_size, view)}"


def _alone(moment: Moment) -> Iterator[str]:
    if writes(moment.call) and moment.call.arguments and not moment.carried:
        yield f"{_tool(moment.call)}: shares no value with an earlier call of the turn"


def _values_here(moment: Moment) -> Iterator[str]:
    call = moment.call
    for fact in protocol.returned(call, moment.view) if acts(call) else ():
        source = _SOURCE.get(fact.origin, _history(call, moment.view))
        yield f"{_at(call, fact)}: a value never given here, {source}"


def _foreign_values(moment: Moment) -> Iterator[str]:
    call = moment.call
    yield from _never_seen(call, protocol.returned(call, moment.view, anywhere=True) if acts(call) else (), moment.view)


def _sent_values(moment: Moment) -> Iterator[str]:
    for fact in protocol.sent_values(moment.call, moment.view):
        source = _SOURCE.get(fact.origin, _history(moment.call, moment.view))
        yield f"{_at(moment.call, fact)}: sent for the first time, {source}"


def _values_anywhere(moment: Moment) -> Iterator[str]:
    yield from _never_seen(moment.call, protocol.new_values(moment.call, moment.view, anywhere=True), moment.view)


def _never_seen(call: Call, found: tuple[ArgumentFact, ...], view: BaselineView) -> Iterator[str]:
    for fact in found:
        yield f"{_at(call, fact)}: a value never seen on this server ({of_sessions(0, view.sessions)})"


def _read_after_write(moment: Moment) -> Iterator[str]:
    if moment.after_write and not writes(moment.call):
        yield f"{_tool(moment.call)}: read after a write in the same turn"


def _unannounced(moment: Moment) -> Iterator[str]:
    if moment.turn.spans and execution.is_unannounced(moment.call, moment.turn.spans):
        yield f"{_tool(moment.call)}: called, but no span of the agent tells of it"


def _statements(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    for statement, table in protocol.new_statements(call, view):
        key = statement_key(base.action_of(call), statement, table)
        named = f"{clean(statement, 40)} on {clean(table, 80)}" if table else clean(statement, 40)
        yield f"{named}: {_how_often(key, 'asked', call, view)}"


def _habits(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    if protocol.is_settled(call, view) and protocol.is_new_habit(call, view):
        count = of_sessions(0, view.support(base.habit_key(call.principal.id)).sessions)
        yield f"{_tool(call)}: used by others, never by this principal ({count})"


def _paths(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    for directory in execution.new_paths(call, view):
        key = base.path_class_key(base.action_of(call), directory)
        yield f"{short_path(directory)}: {_how_often(key, 'opened', call, view)}"


def _secrets(moment: Moment) -> Iterator[str]:
    for path in execution.unlearnable_opens(moment.call, moment.view):
        yield f"{short_path(path)}: opened by {_tool(moment.call)}, named by no argument"


def _destinations(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    for address, port in execution.new_destinations(call, view):
        key = base.destination_key(base.action_of(call), address, port)
        yield f"{endpoint(address, port)}: {_how_often(key, 'contacted', call, view)}"


def _doors(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    for address, port in execution.new_doors(call, view):
        tool, listens = base.action_of(call), (address, port) == execution.LISTENING
        key = base.listen_key(tool) if listens else base.destination_key(tool, address, port)
        what, done = ("a socket that waits", "opened") if listens else (f"{endpoint(address, port)}, inside", "tried")
        yield f"{what}: {_how_often(key, done, call, view)}"


def _changed(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    many = changed(call.effects)
    if size_surprise("changed", call, many, view) > _UNCOMMON_BITS:
        yield f"{_tool(call)}: {many} files written, renamed or removed, {_reached('changed', call, many, view)}"


def _sent(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    sent = sent_outside(call)
    if size_surprise("out", call, sent, view) > _UNCOMMON_BITS:
        yield f"{_tool(call)}: {size(sent)} sent outside, {_reached('out', call, sent, view)}"


def _children(moment: Moment) -> Iterator[str]:
    call, view = moment.call, moment.view
    for path in execution.new_children(call, view):
        key = base.child_key(base.action_of(call), path)
        yield f"{short_path(path)}: {_how_often(key, 'started', call, view)}"


def _undeclared(moment: Moment) -> Iterator[str]:
    for what in execution.undeclared_actions(moment.call, moment.view):
        yield f"{short_path(what)}: named by no argument of {_tool(moment.call)}"


def _tool(call: Call) -> str:
    return clean(base.action_of(call), 80)


def _at(call: Call, fact: ArgumentFact) -> str:
    return f"{_tool(call)} {clean(fact.pointer or '/', 80)}"


def _history(call: Call, view: BaselineView) -> str:
    return of_sessions(0, view.support(base.tool_key(base.action_of(call))).sessions)


def _how_often(key: str, done: str, call: Call, view: BaselineView) -> str:
    """`never contacted by read_config (0 of 42 sessions)`; the sessions are those of the tool."""
    support = view.support(key)
    count = of_sessions(support.sessions, view.support(base.tool_key(base.action_of(call))).sessions)
    if not support.sessions:
        return f"never {done} by {_tool(call)} ({count})"
    return f"{done} by {_tool(call)} for one principal only ({count})"


def _reached(kind: str, call: Call, amount: int, view: BaselineView) -> str:
    tool = base.action_of(call)
    rung = base.size_keys(kind, tool, amount)[-1]
    count = of_sessions(view.support(rung).sessions, view.support(base.tool_key(tool)).sessions)
    return f"this much in {count}"


_SOURCE = {"result": "from the result of an earlier call", "none": "from nowhere the agent was shown"}
_TELL: Mapping[str, _Facts] = {
    "unprompted_source": _sources,
    "unprompted_order": _order,
    "unprompted_size": _argument_size,
    "unprompted_alone": _alone,
    "write_alone": _alone,
    "acting_new_values": _values_here,
    "acting_foreign_values": _foreign_values,
    "sent_values": _sent_values,
    "new_values": _values_anywhere,
    "read_after_write": _read_after_write,
    "mean_surprise": _order,
    "new_statements": _statements,
    "new_habits": _habits,
    "new_paths": _paths,
    "secret_opens": _secrets,
    "new_destinations": _destinations,
    "new_doors": _doors,
    "changed_files": _changed,
    "sent_outside": _sent,
    "new_children": _children,
    "undeclared_actions": _undeclared,
    "unannounced_calls": _unannounced,
}
