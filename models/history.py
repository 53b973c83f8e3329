"""Normal turns as training remembers them: digests, classes and sizes, enough to measure a turn again and no more.

A remembered turn gives the same baseline keys and the same feature rows as the turn it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from operator import attrgetter
from typing import Any

import orjson

from .acting import changes
from .baseline import path_class
from .errors import TriptychError
from .events import (
    AgentSpan,
    ArgumentFact,
    Call,
    Coverage,
    Effect,
    ExecutionDetail,
    Placement,
    Principal,
    Server,
    SqlFact,
    ToolDefinition,
)
from .turn import Turn

__all__ = ["HistoryError", "from_json", "principal_of", "reduced", "session_of", "to_json"]

_VERSION = 2
_SAME = ("kind", "flags", "address", "port", "declared", "sensitivity", "destination")
_same = attrgetter(*_SAME)


class HistoryError(TriptychError):
    """A remembered turn that this version cannot read: M07."""

    code = "M07"


def session_of(turn: Turn) -> str:
    """What counts as one session: the conversation, else the turn itself."""
    return next((call.conversation for call in turn.calls if call.conversation), turn.key)


def principal_of(turn: Turn) -> str:
    """On whose behalf; where nobody knows, all unknown principals count as one."""
    return next((call.principal.id for call in turn.calls if call.principal.id), "")


def reduced(turn: Turn) -> Turn:
    """The turn with everything left out that neither baselines nor features look at."""
    calls = tuple(map(_reduced_call, turn.calls))
    spans = tuple(AgentSpan(span_id=span.span_id, tool=span.tool, ended_ns=span.ended_ns) for span in turn.spans)
    return Turn(turn.key, calls, spans)


def to_json(turn: Turn) -> bytes:
    """A reduced turn as JSON, defaults left out. Equal turns give equal bytes."""
    body = {"calls": list(map(_plain, turn.calls)), "spans": list(map(_plain, turn.spans))}
    return orjson.dumps({"v": _VERSION, "key": turn.key, **body}, option=orjson.OPT_SORT_KEYS)


def from_json(data: bytes) -> Turn:
    """The turn that to_json() wrote. Raises HistoryError."""
    try:
        body = orjson.loads(data)
        if body["v"] != _VERSION:
            raise HistoryError(f"a remembered turn has version {body['v']}, not {_VERSION}", "forget the history")
        spans = tuple(AgentSpan(**span) for span in body["spans"])
        return Turn(body["key"], tuple(map(_call, body["calls"])), spans)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HistoryError(f"a remembered turn cannot be read: {error}") from error


def _reduced_call(call: Call) -> Call:
    return Call(
        call_id=call.call_id,
        workload=call.workload,
        correlation_id=call.correlation_id,
        state=call.state,
        conversation=call.conversation,
        method=call.method,
        tool=call.tool,
        principal=Principal(kind=call.principal.kind, id=call.principal.id),
        server=Server(id=call.server.id, claimed_version=call.server.claimed_version),
        placement=Placement(image=call.placement.image) if call.placement and call.placement.image else None,
        started_ns=call.started_ns,
        ended_ns=call.ended_ns,
        is_error=call.is_error,
        error_code=call.error_code,
        request_size=call.request_size,
        arguments=tuple(_reduced_fact(fact) for fact in call.arguments),
        tools=tuple(ToolDefinition(name=tool.name, digest=tool.digest) for tool in call.tools),
        sql=tuple(SqlFact(statement=one.statement, statements=one.statements, tables=one.tables) for one in call.sql),
        effects=_reduced_effects(call),
        coverage=replace(call.coverage, notes=()) if call.coverage.notes else call.coverage,
    )


def _reduced_fact(fact: ArgumentFact) -> ArgumentFact:
    """Which call showed a value is forgotten; that one did still counts where the prompt names the value too."""
    shown = fact.origin == "prompt" and fact.origin_call is not None
    return replace(fact, origin_call="" if shown else None)


def _reduced_effects(call: Call) -> tuple[Effect, ...]:
    """Equal effects as one, counted and their bytes added up."""
    merged: dict[tuple[Any, ...], tuple[int, int]] = {}
    for effect in call.effects:
        kept = _kept(effect)
        count, sent = merged.get(kept, (0, 0))
        merged[kept] = count + max(effect.count, 1), sent + effect.bytes_out
    return tuple(_reduced_effect(*kept, count, sent) for kept, (count, sent) in merged.items())


def _kept(effect: Effect) -> tuple[Any, ...]:
    """What counts of one effect; equal for effects that are kept as one."""
    path = effect.path
    if path and effect.kind in {"open", "change"}:
        path = f"{path_class(path)}/{_name(path) if _each_counts(effect) else '_'}"
    operation = effect.detail.operation if effect.detail and effect.kind == "change" else ""
    return path, min(effect.result, 0), operation, *_same(effect)


def _reduced_effect(path: str | None, result: int, operation: str, *told: Any) -> Effect:
    *same, count, sent = told
    return Effect(
        path=path,
        result=result,
        detail=ExecutionDetail(operation=operation) if operation else None,
        count=count,
        bytes_out=sent,
        **dict(zip(_SAME, same, strict=True)),
    )


def _each_counts(effect: Effect) -> bool:
    """Of other files only the class of the directory counts, and not how many there were."""
    return effect.sensitivity is not None or (changes(effect) and not effect.declared)


def _name(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _plain(record: Any) -> dict[str, Any]:
    return dict(_told(record))


def _told(record: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a record that differ from their defaults, records within as dictionaries."""
    for name, default in _defaults(record.__class__):
        value = getattr(record, name)
        if value == default:
            continue
        if isinstance(value, tuple):
            yield name, [item if isinstance(item, str) else _plain(item) for item in value]
        else:
            yield name, _plain(value) if hasattr(value, "__dataclass_fields__") else value


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


def _call(plain: dict[str, Any]) -> Call:
    arguments = [fact | {"digests": tuple(fact.get("digests", ()))} for fact in plain.pop("arguments", ())]
    return Call(
        principal=Principal(**plain.pop("principal", {})),
        server=Server(**plain.pop("server", {})),
        coverage=Coverage(**plain.pop("coverage", {})),
        placement=Placement(**placement) if (placement := plain.pop("placement", None)) else None,
        arguments=tuple(ArgumentFact(**fact) for fact in arguments),
        tools=tuple(ToolDefinition(**tool) for tool in plain.pop("tools", ())),
        sql=tuple(SqlFact(**sql | {"tables": tuple(sql.get("tables", ()))}) for sql in plain.pop("sql", ())),
        effects=tuple(map(_effect, plain.pop("effects", ()))),
        **plain,
    )


def _effect(plain: dict[str, Any]) -> Effect:
    detail = plain.pop("detail", None)
    return Effect(detail=ExecutionDetail(**detail) if detail else None, **plain)
