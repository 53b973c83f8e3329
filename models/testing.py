"""Builders for tests and for the tests inside rules: calls, effects, spans, turns and baselines with quiet defaults.

Times are seconds after a fixed start, ids are derived from names, so equal words build equal turns. Paths and addresses
get the built-in classes of sensitivity, as the streams would give them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from . import baseline as keys
from .baseline import BaselineView, Support
from .events import (
    AgentSpan,
    ArgumentFact,
    Authorization,
    Call,
    Coverage,
    Effect,
    ExecutionDetail,
    ExecutionKind,
    HttpFact,
    Listing,
    Peer,
    Placement,
    Principal,
    ResultFact,
    SecretFact,
    Server,
    SqlFact,
    ToolDefinition,
)
from .sensitivity import Sensitivity
from .turn import Turn

__all__ = [
    "START_NS", "background", "baseline", "call", "change", "connect", "definition", "dns", "effect", "escape", "exec_",
    "read", "receive", "send", "span", "story", "told", "turn", "write",
]  # fmt: skip

START_NS = 1_790_000_000_000_000_000
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_BOOT = "11111111-2222-4333-8444-555555555555"
_WORKLOAD = f"host:{_BOOT}:4121:900"


@cache
def _classes() -> Sensitivity:
    return Sensitivity.load()


def _ns(at_s: float) -> int:
    return START_NS + round(at_s * 1e9)


def effect(kind: ExecutionKind, at_s: float = 0.0, **values: Any) -> Effect:
    """An effect `at_s` seconds after the start, bound exactly. Sensitivity and destination are those of the built-in
    classes unless given."""
    values.setdefault("binding", "exact")
    values.setdefault("pid", 4121)
    built = Effect(kind=kind, wall_ns=_ns(at_s), mono_ns=round(at_s * 1e9), comm="python3", **values)
    if "sensitivity" not in values and built.path and kind in ("open", "change", "io"):
        written = built.kind == "change" or built.flags & os.O_ACCMODE != os.O_RDONLY
        classes = _classes()
        built = replace(
            built, sensitivity=classes.path(built.path) or (classes.written(built.path) if written else None)
        )
    if "destination" not in values and built.address:
        built = replace(built, destination=_classes().destination(built.address))
    return built


def read(path: str, at_s: float = 0.0, **values: Any) -> Effect:
    return effect("open", at_s, **{"path": path, "path_source": "kernel", "flags": os.O_RDONLY, "result": 3, **values})


def write(path: str, at_s: float = 0.0, **values: Any) -> Effect:
    return effect("open", at_s, **{"path": path, "path_source": "kernel", "flags": os.O_WRONLY, "result": 3, **values})


def exec_(path: str, *arguments: str, at_s: float = 0.0, **values: Any) -> Effect:
    given = tuple(values.pop("arguments", (path, *arguments)))
    return effect("exec", at_s, path=path, arguments=given, **values)


def connect(to: str, at_s: float = 0.0, **values: Any) -> Effect:
    """A TCP connection to `address:port`."""
    return effect("connect", at_s, **{**_peer(to), **values})


def send(to: str, size: int = 1200, at_s: float = 0.0, **values: Any) -> Effect:
    """A flow that sent `size` bytes to `address:port`."""
    return effect("flow", at_s, **{**_peer(to), "bytes_out": size, **values})


def receive(to: str, size: int = 1200, at_s: float = 0.0, **values: Any) -> Effect:
    """A flow that received `size` bytes from `address:port`, after a request of 80."""
    return effect("flow", at_s, **{**_peer(to), "bytes_in": size, "bytes_out": 80, **values})


def dns(name: str, at_s: float = 0.0, **values: Any) -> Effect:
    """A question for a name, as the sensor publishes it: a label that carries data stands as its digest in brackets."""
    detail = replace(values.pop("detail", ExecutionDetail()), name=name)
    return effect("dns", at_s, **{**_peer("127.0.0.53:53"), **values, "detail": detail})


def escape(operation: str, at_s: float = 0.0, **values: Any) -> Effect:
    """An attempt to leave its bounds, by the name of the system call; it succeeds unless `result` is negative."""
    detail = replace(values.pop("detail", ExecutionDetail()), operation=operation)
    return effect("escape", at_s, detail=detail, **values)


def change(path: str, at_s: float = 0.0, **values: Any) -> Effect:
    """A rename that gives a file the name `path`, unless `operation` says otherwise."""
    detail = replace(values.pop("detail", ExecutionDetail()), operation=values.pop("operation", "rename"))
    return effect("change", at_s, **{"path": path, "path_source": "kernel", **values, "detail": detail})


def _peer(to: str) -> dict[str, Any]:
    address, _, port = to.rpartition(":")
    return {"address": address.strip("[]"), "port": int(port), "protocol": "tcp"}


def definition(name: str, text: str = "first", **values: Any) -> ToolDefinition:
    """A tool as described by `text`: another text, another digest."""
    return ToolDefinition(name=name, digest=uuid.uuid5(uuid.NAMESPACE_OID, f"{name}/{text}").hex * 2, **values)


def call(tool: str = "read_config", *effects: Effect, at_s: float = 0.0, lasts_s: float = 1.0, **values: Any) -> Call:
    """A complete call of `tool` on the server `files` by the principal `ann`. Its id is derived from tool and time."""
    call_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tool}@{at_s}"))
    event_id = str(uuid.uuid5(uuid.NAMESPACE_OID, call_id))
    server = values.pop("server", "files")
    defaults: dict[str, Any] = {
        "event_id": event_id, "workload": _WORKLOAD, "correlation_id": _TRACE, "call_id": call_id, "boot_id": _BOOT,
        "host": "node-1", "key_id": "k1", "wall_ns": _ns(at_s), "mono_ns": round(at_s * 1e9), "conversation": "c0ffee",
        "method": "tools/call", "tool": tool, "principal": Principal(kind="configured", id="ann"),
        "server": server if isinstance(server, Server) else Server(id=server),
        "started_ns": _ns(at_s), "ended_ns": _ns(at_s + lasts_s), "is_error": False,
        "request_size": 120, "response_size": 400, "in_flight": 1, "binding": "exact" if effects else "none",
        "coverage": Coverage(protocol=True, execution=True, agent=True),
    }  # fmt: skip
    numbered = tuple(
        one if one.source else replace(one, source=f"{uuid.uuid5(uuid.NAMESPACE_OID, event_id)}#{index}")
        for index, one in enumerate(effects)
    )
    return Call(**{**defaults, "effects": numbered, **values})


def background(*effects: Effect, at_s: float = 0.0, **values: Any) -> Call:
    """What the server `files` did outside every call, as the join writes it; effects without a binding."""
    unbound = (replace(one, binding="none", evidence="background") for one in effects)
    defaults: dict[str, Any] = {
        "method": "", "state": "background", "conversation": "", "correlation_id": "", "is_error": None, "in_flight": 0,
        "principal": Principal(), "request_size": 0, "response_size": 0, "coverage": Coverage(execution=True),
        "binding": "none",
    }  # fmt: skip
    return replace(call("background", *unbound, at_s=at_s, **{**defaults, **values}), tool=None)


def span(operation: str = "invoke_agent", at_s: float = -0.5, lasts_s: float = 3.0, **values: Any) -> AgentSpan:
    """A span of the agent `support-bot` in the turn's trace."""
    defaults: dict[str, Any] = {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{operation}@{at_s}")), "correlation_id": _TRACE,
        "trace_id": _TRACE, "span_id": uuid.uuid5(uuid.NAMESPACE_OID, f"span {operation}@{at_s}").hex[:16],
        "operation": operation, "name": operation, "agent": "support-bot", "started_ns": _ns(at_s),
        "ended_ns": _ns(at_s + lasts_s), "wall_ns": _ns(at_s), "host": "node-1",
    }  # fmt: skip
    return AgentSpan(**{**defaults, **values})


def turn(*calls: Call, spans: Sequence[AgentSpan] = (), key: str = _TRACE) -> Turn:
    """The calls in order of their start."""
    return Turn(key, tuple(sorted(calls, key=lambda call: call.started_ns)), tuple(spans))


def baseline(
    server: str = "files", *, sessions: int = 50, principals: int = 3, supports: Mapping[str, int] | None = None
) -> BaselineView:
    """A baseline in which each key of `supports` was shown by so many sessions of all principals."""
    counts = {key: Support(count, min(principals, count)) for key, count in (supports or {}).items()}
    return BaselineView(server, sessions, principals, counts)


def story(data: Mapping[str, Any]) -> tuple[Turn, dict[str, BaselineView]]:
    """The turn and the baselines that a rule's test describes; models/detections/README.md shows the words.

    Raises TypeError or KeyError for a word that no builder knows.
    """
    calls = told(data.get("calls", ()))
    spans = [span(**entry) for entry in data.get("spans", ())]
    views = {server: _told_baseline(server, dict(entry)) for server, entry in data.get("baselines", {}).items()}
    return turn(*calls, spans=spans), views


def told(entries: Iterable[Mapping[str, Any]]) -> list[Call]:
    """The calls that a rule's test tells, in its order. `times` repeats one every `every_s`, with `{n}` in its texts as
    its number; a call belongs to the `turn` it names."""
    return [_told_call(one) for entry in entries for one in _repeated(dict(entry))]


def _each(entry: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """An effect as many `times` as told, at one moment, with `{i}` as its number."""
    times = entry.pop("times", 1)
    return (_numbered(entry, "{i}", number) for number in range(times)) if times > 1 else (entry,)


def _repeated(entry: dict[str, Any]) -> Iterable[dict[str, Any]]:
    times, every_s = entry.pop("times", 1), entry.pop("every_s", 1.0)
    for number in range(times):
        told = _numbered(entry, "{n}", number) if times > 1 else entry
        yield {**told, "at_s": entry.get("at_s", 0.0) + number * every_s}


def _numbered(value: Any, mark: str, number: int) -> Any:
    if isinstance(value, str):
        return value.replace(mark, str(number))
    if isinstance(value, list):
        return [_numbered(one, mark, number) for one in value]
    return {key: _numbered(one, mark, number) for key, one in value.items()} if isinstance(value, dict) else value


_VERBS: Mapping[str, Callable[..., Effect]] = {
    "read": read,
    "write": write,
    "exec": exec_,
    "connect": connect,
    "send": send,
    "receive": receive,
    "dns": dns,
    "escape": escape,
    "change": change,
}


_RECORDS: Mapping[str, Callable[..., Any]] = {
    "authorization": lambda **told: Authorization(**{**told, "scopes": tuple(told.get("scopes", ()))}),
    "http": HttpFact,
    "listing": Listing,
    "peer": Peer,
    "placement": Placement,
    "principal": lambda **told: Principal(**{"kind": "configured", **told}),
    "result": ResultFact,
}
_LISTS: Mapping[str, Callable[..., Any]] = {
    "arguments": lambda **told: ArgumentFact(**{**told, "digests": tuple(told.get("digests", ()))}),
    "secrets": SecretFact,
    "sql": lambda **told: SqlFact(**{**told, "tables": tuple(told.get("tables", ()))}),
}
_OF_DETAIL = ("via", "layer", "links", "writable", "target_pid")


def _told_call(entry: dict[str, Any]) -> Call:
    at_s = entry.get("at_s", 0.0)
    entry.pop("hits", None)  # what other rules said of it, for the windows that count hits
    effects = [_told_effect(dict(one), at_s) for each in entry.pop("effects", ()) for one in _each(dict(each))]
    tools = tuple(
        definition(one.pop("name"), **{**one, "tags": tuple(one.get("tags", ()))})
        for one in map(dict, entry.pop("tools", ()))
    )
    entry |= {name: tuple(record(**one) for one in entry[name]) for name, record in _LISTS.items() if name in entry}
    entry |= {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    entry |= {name: record(**entry[name]) for name, record in _RECORDS.items() if name in entry}
    if "turn" in entry:
        entry["correlation_id"] = uuid.uuid5(uuid.NAMESPACE_OID, entry.pop("turn")).hex
    if "version" in entry:
        entry["server"] = Server(id=entry.get("server", "files"), claimed_version=entry.pop("version"))
    unwatched = entry.pop("unwatched", ())
    if entry.pop("background", False):
        return background(*effects, coverage=Coverage(execution="execution" not in unwatched), **entry)
    coverage = Coverage(
        protocol="protocol" not in unwatched, execution="execution" not in unwatched, agent="agent" not in unwatched
    )
    made = call(entry.pop("tool", ""), *effects, tools=tools, coverage=coverage, **entry)
    return made if made.tool else replace(made, tool=None)


def _told_effect(entry: dict[str, Any], call_at_s: float) -> Effect:
    verb = next(verb for verb in _VERBS if verb in entry)
    if detail := {name: entry.pop(name) for name in _OF_DETAIL if name in entry}:
        entry["detail"] = ExecutionDetail(**detail)
    return _VERBS[verb](entry.pop(verb), at_s=call_at_s + entry.pop("at_s", 0.1), **entry)


def _told_baseline(server: str, entry: dict[str, Any]) -> BaselineView:
    supports: dict[str, int] = {}
    supports |= {keys.tool_key(tool): count for tool, count in entry.pop("tools", {}).items()}
    supports |= {keys.egress_key(tool): count for tool, count in entry.pop("egress", {}).items()}
    supports |= {keys.child_key(one["tool"], one["path"]): one["sessions"] for one in entry.pop("children", ())}
    supports |= {
        keys.argument_keys_key(one["tool"], one["names"]): one["sessions"] for one in entry.pop("arguments", ())
    }
    supports |= dict(_told_orders(entry.pop("orders", ())))
    supports |= dict(_told_destinations(entry.pop("destinations", ())))
    supports |= dict(_told_definitions(entry.pop("definitions", ())))
    return baseline(server, supports=supports, **entry)


def _told_orders(entries: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    """`after` was followed by something in so many `sessions`, by `tool` in so many `seen`."""
    for entry in entries:
        before, edge = (
            keys.edge_keys((entry["after"], entry["tool"]))[:2]
            if entry["after"]
            else keys.edge_keys((entry["tool"],))[:2]
        )
        yield before, entry["sessions"]
        yield edge, entry["seen"]


def _told_destinations(entries: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    for entry in entries:
        peer = _peer(entry["to"])
        yield keys.destination_key(entry["tool"], peer["address"], peer["port"]), entry["sessions"]


def _told_definitions(entries: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int]]:
    for entry in entries:
        described = definition(entry["tool"], entry.get("text", "first"))
        yield keys.definition_key(described.name, described.digest), entry["sessions"]
        yield keys.tool_definitions_key(described.name), entry["sessions"]
