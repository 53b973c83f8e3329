"""What happened, in sentences with counts. Every name and path passes `text.clean`; nothing here judges."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from . import baseline
from .baseline import BaselineView
from .detections.engine.conditions import Seen
from .detections.engine.matching import Match
from .events import AgentSpan, Call, Effect, ExecutionDetail, ExecutionKind
from .text import clean, endpoint, of_sessions, plural, short_path, size

__all__ = ["answered", "asked", "counted", "destination_seen", "did", "matched", "noticed", "spanned", "tool_of"]

_VERB = {os.O_RDONLY: "read", os.O_WRONLY: "wrote to", os.O_RDWR: "opened for writing"}
_NO_DETAIL = ExecutionDetail()
_UNUSUAL = {"written": " (not in the image)", "memory": " (from memory)", "deleted": " (deleted)"}
_CLASS = {"metadata": " (cloud metadata)"}
_PLAIN = frozenset({"partly-scanned", "header-missing", "no-final-newline", "blank-line", "batch"})
_MOST_REMARKS = 3


def tool_of(call: Call) -> str:
    """The tool of a call, else its method, else `background` for effects outside every call."""
    return clean(baseline.action_of(call), 80)


def did(effect: Effect) -> str:
    """A predicate without its subject: `read /…/.aws/credentials (secret.cloud)`."""
    if effect.kind == "open":
        return _opened(effect)
    if effect.kind == "exec":
        return f"ran {short_path(effect.path or '?')}{_UNUSUAL.get((effect.detail or _NO_DETAIL).layer, '')}"
    if effect.kind in ("connect", "flow"):
        return _reached(effect)
    told = _TOLD.get(effect.kind)
    return told(effect) if told else "did something unknown"


def _touched(effect: Effect) -> str:
    """The bytes of one file."""
    read = f"read {size(effect.bytes_in)} of" if effect.bytes_in or not effect.bytes_out else ""
    wrote = f"wrote {size(effect.bytes_out)} to" if effect.bytes_out else ""
    return f"{' and '.join(filter(None, (read, wrote)))} {short_path(effect.path or '?')}{_label(effect)}"


def _escaped(effect: Effect) -> str:
    detail = effect.detail or _NO_DETAIL
    what = clean(detail.operation or "left its bounds", 40)
    at = f" on process {detail.target_pid}" if detail.target_pid else ""
    where = f" with {short_path(effect.path)}" if effect.path else ""
    return f"{'called' if effect.result >= 0 else 'tried'} {what}{at}{where}"


def _changed(effect: Effect) -> str:
    detail = effect.detail or _NO_DETAIL
    tried = "" if effect.result >= 0 else "tried to "
    return f"{tried}{clean(detail.operation or 'change', 40)} {short_path(effect.path or '?')}{_label(effect)}"


def _passed(effect: Effect) -> str:
    detail = effect.detail or _NO_DETAIL
    what = short_path(effect.path) if effect.path else clean(detail.operation or "something open", 40)
    return (
        f"took {what} from another process{_label(effect)}"
        if detail.received
        else f"passed {what} to another process{_label(effect)}"
    )


def _label(effect: Effect) -> str:
    return f" ({clean(effect.sensitivity, 40)})" if effect.sensitivity else ""


_TOLD: Mapping[ExecutionKind, Callable[[Effect], str]] = {
    "fork": lambda _: "started a process",
    "exit": lambda _: "ended a process",
    "io": _touched,
    "dns": lambda effect: f"asked for the name {clean((effect.detail or _NO_DETAIL).name or '?', 120)}",
    "listen": lambda effect: f"listened on {endpoint(effect.address, effect.port)}",
    "accept": lambda effect: f"was reached by {endpoint(effect.address, effect.port)}",
    "escape": _escaped,
    "descriptor": _passed,
    "change": _changed,
}


def _opened(effect: Effect) -> str:
    verb = _VERB.get(effect.flags & os.O_ACCMODE, "opened")
    if effect.result < 0:
        verb = {"read": "tried to read", "wrote to": "tried to write to"}.get(verb, "tried to open")
    return f"{verb} {short_path(effect.path or '?')}{_label(effect)}"


def _reached(effect: Effect) -> str:
    peer = endpoint(effect.address, effect.port) + _CLASS.get(effect.destination or "", "")
    if effect.bytes_in > effect.bytes_out:
        return f"received {size(effect.bytes_in)} from {peer}"
    return f"sent {size(effect.bytes_out)} to {peer}" if effect.bytes_out else f"connected to {peer}"


def asked(call: Call) -> str:
    """The request of a call, as a title."""
    return f"{clean(call.method, 60)} {clean(call.tool, 80)}" if call.tool else tool_of(call)


def answered(call: Call) -> str:
    """The end of a call, as a title."""
    if call.state == "timeout":
        return f"no reply to {tool_of(call)}"
    if call.tools:
        return f"{tool_of(call)} described {plural(len(call.tools), 'tool')}"
    return f"{'error from' if call.is_error else 'reply of'} {tool_of(call)}, {size(call.response_size)}"


def spanned(span: AgentSpan) -> str:
    """A span of the agent, as a title."""
    name = clean(span.name or span.operation or "span", 120)
    return f"{clean(span.agent, 60)}: {name}" if span.agent else name


def noticed(call: Call) -> str:
    """What a sensor told of a workload besides effects."""
    return _names((*call.anomalies, *call.coverage.notes)) or "something that no call asked for"


def matched(match: Match) -> str:
    """The sentence of one matched step."""
    subject, tool = match.subject, tool_of(match.subject.call)
    if subject.definition is not None:
        tags = "".join(f", {clean(tag, 40)}" for tag in subject.definition.tags)
        server, name = clean(subject.call.server.id, 60), clean(subject.definition.name, 80)
        return f"{server} described {name} anew (digest {clean(subject.definition.digest, 13)}{tags})"
    if rule := getattr(subject.part, "id", ""):
        return f"{tool} raised {clean(rule, 80)}"
    if subject.effect is None:
        call = subject.call
        return f"{tool} {_showed(call)}" if call.state != "background" else noticed(call)
    effect = subject.effect
    return f"{tool} {did(_with_all_bytes(effect, subject.call) if effect.address else effect)}"


def _showed(call: Call) -> str:
    """What a call itself shows: at most three things, what is worst before what is usual."""
    source = f" from {endpoint(call.peer.address, None)}" if call.peer and call.peer.address else ""
    remarks = [*_remarks(call)]
    return " and ".join(remarks[:_MOST_REMARKS]) if remarks else f"was called{source}"


def _remarks(call: Call) -> Iterator[str]:
    if call.policy:
        done = "was blocked" if call.action == "blocked" else "was forwarded"
        yield f"{done} against the policy ({_names(call.policy)})"
    if strange := [anomaly for anomaly in call.anomalies if anomaly not in _PLAIN]:
        yield f"was marked {_names(strange)}"
    if call.text_tags:
        yield f"came back with text for the model ({_names(call.text_tags)})"
    if asked_for := {fact.sensitivity for fact in call.arguments if fact.sensitivity}:
        yield f"was asked for what is protected ({_names(sorted(asked_for))})"
    if call.secrets:
        yield f"carried a secret ({_names(sorted({secret.family for secret in call.secrets}))})"
    if touched := next((one for one in call.effects if one.sensitivity), None):
        yield did(touched)
    elif taken := _taken_in(call):
        yield did(taken)
    elif any(fact.kind == "url" for fact in call.arguments):
        yield "was given a URL"


def _names(names: Sequence[str]) -> str:
    return clean(", ".join(names), 160)


def _taken_in(call: Call) -> Effect | None:
    """The effect by which most came in over the network."""
    network = [effect for effect in call.effects if effect.kind in ("flow", "connect") and effect.address]
    return max(network, key=lambda effect: effect.bytes_in, default=None)


def _with_all_bytes(effect: Effect, call: Call) -> Effect:
    """A contact with the bytes that the call exchanged there in all its flows."""
    peer = (effect.address, effect.port)
    flows = [one for one in call.effects if one.kind == "flow" and (one.address, one.port) == peer]
    return max(flows, key=lambda one: one.bytes_out, default=effect)


def counted(match: Match) -> tuple[str, ...]:
    """The counts that a matched step rests on, a fact each."""
    return (*(_count(match, seen) for seen in match.seen), *match.said)


_NEVER = {
    "edge": "never came behind the call before it",
    "arguments": "was never given this set of arguments",
    "request_size": "was never sent so much",
}


def _count(match: Match, seen: Seen) -> str:
    subject, tool = match.subject, tool_of(match.subject.call)
    count = of_sessions(seen.sessions, seen.of) + (", one principal only" if seen.sessions else "")
    if seen.what == "definition" and subject.definition is not None:
        return f"{clean(subject.definition.name, 80)} was never described this way ({count})"
    if seen.what == "destination" and subject.effect is not None:
        return f"{endpoint(subject.effect.address, subject.effect.port)}: never contacted by {tool} ({count})"
    if seen.what == "child" and subject.effect is not None:
        return f"{tool} never ran {short_path(subject.effect.path or '?')} before ({count})"
    if seen.what == "directory" and subject.effect is not None:
        return f"{tool} never opened anything in {clean(baseline.path_class(subject.effect.path or ''), 80)} ({count})"
    if seen.what in _NEVER:
        return f"{tool} {_NEVER[seen.what]} ({count})"
    return f"{tool} never reached outside before ({count})"


def destination_seen(call: Call, effect: Effect, view: BaselineView | None) -> str:
    """How familiar a destination is to the tool; empty where the baseline does not know the tool."""
    tool = baseline.action_of(call)
    of = view.count(baseline.tool_key(tool)) if view else 0
    if view is None or not of:
        return ""
    sessions = view.support(baseline.destination_key(tool, effect.address or "", effect.port)).sessions
    word = "contacted" if sessions else "never contacted"
    return f"{word} by {tool_of(call)} ({of_sessions(sessions, of)})"
