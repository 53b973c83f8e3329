"""What a score rests on, as facts a person can check: names, addresses and counts of sessions, never feature names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from . import baseline as base
from . import features as of
from .baseline import BaselineView
from .events import Call
from .text import clean, endpoint, of_sessions, plural, short_path, size
from .turn import Turn

__all__ = ["facts"]

_MOST = 3
_Facts = Callable[[Call, BaselineView], Iterator[str]]


def facts(feature: str, turn: Turn, upto: int, views: Mapping[str, BaselineView]) -> tuple[str, ...]:
    """At most three facts behind one feature of the turn up to call `upto`, in the order of the calls."""
    seen = range(upto + 1)
    if feature in _ORDER:
        found = _order(turn, upto, views, acting=feature == "acting_surprise")
    elif feature == "errors":
        found = _errors(turn.calls[: upto + 1])
    elif feature == "unannounced_calls":
        found = _unannounced(turn, upto)
    else:
        tell = _OF_A_CALL[feature]
        calls = (turn.calls[index] for index in seen)
        found = (fact for call in calls for fact in tell(call, of.view_of(call, views)))
    return tuple(islice(dict.fromkeys(found), _MOST))


_ORDER = frozenset({"tool_surprise", "mean_surprise", "acting_surprise"})


def _order(turn: Turn, upto: int, views: Mapping[str, BaselineView], *, acting: bool) -> Iterator[str]:
    """The most surprising step."""
    steps = [at for at in range(upto + 1) if turn.calls[at].coverage.protocol]
    steps = [at for at in steps if of.acts(turn.calls[at])] if acting else steps
    if not steps:
        return
    worst = max(steps, key=lambda at: of.order_surprise(turn, at, of.view_of(turn.calls[at], views)))
    view = of.view_of(turn.calls[worst], views)
    actions = base.actions_before(turn.calls, worst)
    before, edge = base.edge_keys(actions)[:2]
    count = of_sessions(view.support(edge).sessions, view.support(before).sessions or view.sessions)
    earlier = f"after {clean(actions[-2], 80)}" if len(actions) > 1 else "as the first call of a turn"
    yield f"{clean(actions[-1], 80)} {earlier}: {count}"


def _errors(calls: Sequence[Call]) -> Iterator[str]:
    failed = sum(bool(call.is_error) or call.error_code is not None for call in calls)
    yield f"{failed} of {plural(len(calls), 'call')} failed"


def _unannounced(turn: Turn, upto: int) -> Iterator[str]:
    for call in turn.calls[: upto + 1]:
        if of.is_unannounced(call, turn.spans):
            yield f"{_tool(call)}: called, but no span of the agent tells of it"


def _argument_names(call: Call, view: BaselineView) -> Iterator[str]:
    if of.argument_names_are_new(call, view):
        names = ", ".join(clean(name, 40) for name in sorted(base.argument_keys(call))[:6]) or "no arguments"
        key = base.argument_keys_key(base.action_of(call), base.argument_keys(call))
        yield f"{_tool(call)} with {names}: {_how_often(key, 'called this way', call, view)}"


def _values_anywhere(call: Call, view: BaselineView) -> Iterator[str]:
    for fact in of.new_values(call, view, anywhere=True):
        yield f"{_tool(call)} {_place(fact.pointer)}: a value never seen on this server (0 of {view.sessions} sessions)"


def _values_here(call: Call, view: BaselineView) -> Iterator[str]:
    if of.acts(call):
        for fact in of.new_values(call, view):
            yield f"{_tool(call)} {_place(fact.pointer)}: a value never given here ({_history(call, view)})"


def _tainted(call: Call, view: BaselineView) -> Iterator[str]:
    if of.acts(call):
        for fact in of.tainted(call, view):
            source = (
                "from the result of an earlier call" if fact.origin == "result" else "from nowhere the agent was shown"
            )
            yield f"{_tool(call)} {_place(fact.pointer)}: a new value, {source}"


def _argument_size(call: Call, view: BaselineView) -> Iterator[str]:
    if of.size_surprise("in", call, call.request_size, view) > 1:
        yield f"{_tool(call)}: a request of {size(call.request_size)}, {_reached('in', call, call.request_size, view)}"


def _paths(call: Call, view: BaselineView) -> Iterator[str]:
    for directory in of.new_paths(call, view):
        key = base.path_class_key(base.action_of(call), directory)
        yield f"{short_path(directory)}: {_how_often(key, 'opened', call, view)}"


def _secrets(call: Call, view: BaselineView) -> Iterator[str]:
    for path in of.unlearnable_opens(call, view):
        yield f"{short_path(path)}: opened by {_tool(call)}, named by no argument"


def _destinations(call: Call, view: BaselineView) -> Iterator[str]:
    for address, port in of.new_destinations(call, view):
        key = base.destination_key(base.action_of(call), address, port)
        yield f"{endpoint(address, port)}: {_how_often(key, 'contacted', call, view)}"


def _sent(call: Call, view: BaselineView) -> Iterator[str]:
    sent = of.sent_outside(call)
    if of.size_surprise("out", call, sent, view) > 1:
        yield f"{_tool(call)}: {size(sent)} sent outside, {_reached('out', call, sent, view)}"


def _children(call: Call, view: BaselineView) -> Iterator[str]:
    for path in of.new_children(call, view):
        key = base.child_key(base.action_of(call), path)
        yield f"{short_path(path)}: {_how_often(key, 'started', call, view)}"


def _undeclared(call: Call, view: BaselineView) -> Iterator[str]:
    for what in of.undeclared_actions(call, view):
        yield f"{short_path(what)}: named by no argument of {_tool(call)}"


def _tool(call: Call) -> str:
    return clean(base.action_of(call), 80)


def _place(pointer: str) -> str:
    return clean(pointer or "/", 80)


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


_OF_A_CALL: Mapping[str, _Facts] = {
    "new_argument_names": _argument_names,
    "new_values": _values_anywhere,
    "acting_new_values": _values_here,
    "tainted_values": _tainted,
    "argument_size": _argument_size,
    "new_paths": _paths,
    "secret_opens": _secrets,
    "new_destinations": _destinations,
    "sent_outside": _sent,
    "new_children": _children,
    "undeclared_actions": _undeclared,
}
