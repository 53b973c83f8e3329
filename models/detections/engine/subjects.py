"""What a rule can speak of: calls, effects, tool definitions and arguments, with the fields that it may test.

The fields are those of the event schemas; a few derived ones stand here. Nothing outside this vocabulary can be named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from ... import baseline
from ...bindings import BINDINGS
from ...events import (
    ArgumentFact,
    Authorization,
    Call,
    Effect,
    ExecutionDetail,
    HttpFact,
    Layer,
    Peer,
    Placement,
    Principal,
    ResultFact,
    SecretFact,
    SqlFact,
    ToolDefinition,
)
from ...turn import Turn
from . import facets
from .once import Twice

__all__ = [
    "FIELDS",
    "NESTED",
    "ON",
    "WHATS",
    "Field",
    "FieldKind",
    "Subject",
    "What",
    "agreeing",
    "candidates",
    "keys",
    "subject_of",
]

ON = ("call", "effect", "definition")
What = Literal["egress", "destination", "child", "directory", "definition", "edge", "arguments", "request_size"]
WHATS: Mapping[str, tuple[str, ...]] = {  # what a baseline can be asked of each subject
    "call": ("egress", "edge", "arguments", "request_size"),
    "effect": ("egress", "destination", "child", "directory"),
    "definition": ("definition",),
}
FieldKind = Literal["text", "number", "flag", "choice", "texts", "binding"]

_O_PATH = 0o10000000
_ACCESS = {os.O_RDONLY: "read", os.O_WRONLY: "write", os.O_RDWR: "both"}


class Subject(NamedTuple):
    """One thing a step can match, with its place in event time."""

    turn: Turn
    call: Call
    start_ns: int
    end_ns: int
    effect: Effect | None = None
    definition: ToolDefinition | None = None
    part: Any = None  # of a nested condition: one argument, one secret, the authorization ...

    @property
    def source(self) -> str:
        """Where it was reported; the same text stands in the finding's timeline."""
        return self.effect.source if self.effect is not None and self.effect.source else self.call.event_id


@dataclass(frozen=True, slots=True)
class Field:
    """A field a condition may test: its kind, the values of a choice, and how to read it."""

    kind: FieldKind
    choices: tuple[str, ...]
    read: Callable[[Subject], Any]


def candidates(turn: Turn, call: Call, on: str) -> Iterator[Subject]:
    """Everything of one sort in a call of a turn, as the kernel told it."""
    if on == "call":
        yield Subject(turn, call, call.started_ns, max(call.started_ns, call.ended_ns))
    elif on == "effect":
        yield from (subject_of(turn, call, effect) for effect in call.effects)
    else:
        for definition in call.tools:
            yield Subject(turn, call, call.ended_ns, call.ended_ns, definition=definition)


def subject_of(turn: Turn, call: Call, effect: Effect) -> Subject:
    """An effect of a call of a turn."""
    return Subject(turn, call, effect.wall_ns, effect.wall_ns, effect)


def _parts(owner: str, name: str) -> Callable[[Subject], Sequence[Subject]]:
    """The records that a field holds: all of a list, or the one that is there. Rules ask a subject one after the
    other, so the last answer is kept."""
    read = attrgetter(f"{owner}.{name}")
    last: tuple[Subject | None, Sequence[Subject]] = (None, ())

    def parts(subject: Subject) -> Sequence[Subject]:
        nonlocal last
        if last[0] is not subject:
            held, at_ns = read(subject), subject.start_ns
            each = held if isinstance(held, tuple) else () if held is None else (held,)
            last = (subject, [Subject(subject.turn, subject.call, at_ns, at_ns, part=part) for part in each])
        return last[1]

    return parts


_PARTS: Mapping[str, Mapping[str, tuple[str, type]]] = {  # owner -> its field -> the sort and record of what it holds
    "call": {
        "arguments": ("argument", ArgumentFact),
        "secrets": ("secret", SecretFact),
        "sql": ("sql", SqlFact),
        "authorization": ("authorization", Authorization),
        "http": ("http", HttpFact),
        "peer": ("peer", Peer),
        "principal": ("principal", Principal),
        "result": ("result", ResultFact),
        "placement": ("placement", Placement),
    },
    "effect": {"detail": ("detail", ExecutionDetail)},
}
NESTED: Mapping[str, Mapping[str, tuple[str, Callable[[Subject], Iterable[Subject]]]]] = {
    # a nested condition holds when one of these satisfies it
    "call": {
        "effects": ("effect", lambda subject: candidates(subject.turn, subject.call, "effect")),
        **{name: (sort, _parts("call", name)) for name, (sort, _) in _PARTS["call"].items()},
    },
    "effect": {
        "call": ("call", lambda subject: iter((subject,))),
        **{name: (sort, _parts("effect", name)) for name, (sort, _) in _PARTS["effect"].items()},
    },
    "definition": {"call": ("call", lambda subject: iter((subject,)))},
    "hit": {"call": ("call", lambda subject: iter((subject,)))},
    "score": {},
    **{sort: {} for parts in _PARTS.values() for sort, _ in parts.values()},
}


def _access(subject: Subject) -> str:
    """What an open asked for. O_PATH gives a name, not the content."""
    effect = subject.effect
    if effect is None or effect.kind != "open" or effect.flags & _O_PATH:
        return "none"
    return _ACCESS.get(effect.flags & os.O_ACCMODE, "none")


def _hint(name: str) -> Callable[[Subject], bool | None]:
    """What the server said of the called tool, as far as this turn lists its definition."""
    read = attrgetter(name)

    def hint(subject: Subject) -> bool | None:
        described = _described(subject.call, subject.turn)
        return read(described) if described is not None else None

    return hint


@Twice
def _described(call: Call, turn: Turn) -> ToolDefinition | None:
    """The called tool, as its server told of it last in this turn."""
    same = (other for other in turn.calls if other.tools and other.server.id == call.server.id)
    return next((tool for other in [*same][::-1] for tool in other.tools[::-1] if tool.name == call.tool), None)


def _of_call(read: Callable[[Call], Any]) -> Callable[[Subject], Any]:
    return lambda subject: read(subject.call)


def _of_effect(read: Callable[[Effect], Any]) -> Callable[[Subject], Any]:
    return lambda subject: read(subject.effect) if subject.effect is not None else None


def _derive(owner: str, record: type, hidden: frozenset[str]) -> dict[str, Field]:
    """Fields of a record whose types a condition can test."""
    fields: dict[str, Field] = {}
    for name, hint in get_type_hints(record).items():
        found = _kind(name, hint)
        if found is not None and name not in hidden:
            fields[name] = Field(*found, attrgetter(f"{owner}.{name}"))
    return fields


def _kind(name: str, hint: Any) -> tuple[FieldKind, tuple[str, ...]] | None:
    if name == "binding":
        return "binding", BINDINGS
    if get_origin(hint) is Literal:
        return "choice", get_args(hint)
    if hint == tuple[str, ...]:
        return "texts", ()
    plain: dict[Any, FieldKind] = {
        str: "text", str | None: "text", bool: "flag", bool | None: "flag",
        int: "number", int | None: "number", float: "number",
    }  # fmt: skip
    return (plain[hint], ()) if hint in plain else None


_AGREES = 37.5  # risk of a layer that one normal turn in thirty reaches


def agreeing(layers: Mapping[Layer, float]) -> int:
    """How many layers, of those whose own risk is told, by themselves find a turn unusual."""
    return sum(risk >= _AGREES for risk in layers.values())


_IDS = frozenset({"event_id", "call_id", "correlation_id", "boot_id", "key_id", "digests", "candidates", "source"})
FIELDS: Mapping[str, Mapping[str, Field]] = {
    "call": {
        **_derive("call", Call, _IDS),
        "server": Field("text", (), lambda subject: subject.call.server.id),
        **{name: Field(kind, (), _of_call(read)) for name, (kind, read) in facets.OF_CALL.items()},
        "open_world": Field("flag", (), _hint("open_world")),
        "destructive": Field("flag", (), _hint("destructive")),
        "read_only": Field("flag", (), _hint("read_only")),
    },
    "effect": {
        **_derive("effect", Effect, _IDS),
        **{name: Field(kind, (), _of_effect(read)) for name, (kind, read) in facets.OF_EFFECT.items()},
        "access": Field("choice", ("none", "read", "write", "both"), _access),
    },
    "definition": _derive("definition", ToolDefinition, _IDS),
    "hit": {"rule": Field("text", (), attrgetter("part.id"))},
    "score": {
        "risk": Field("number", (), attrgetter("part.score.risk")),
        "state": Field("text", (), attrgetter("part.score.state")),
        "agreeing": Field("number", (), lambda subject: agreeing(subject.part.layers)),
    },
    **{sort: _derive("part", record, _IDS) for parts in _PARTS.values() for sort, record in parts.values()},
}


def keys(what: What, subject: Subject) -> tuple[str, str]:
    """The baseline's key for `what` of the subject, and the key of what could have shown it."""
    if what == "definition" and subject.definition is not None:
        tool = subject.definition.name
        return baseline.definition_key(tool, subject.definition.digest), baseline.tool_definitions_key(tool)
    tool = baseline.action_of(subject.call)
    effect = subject.effect
    if what == "edge":
        return _edge(subject)
    if what == "arguments":
        return baseline.argument_keys_key(tool, baseline.argument_keys(subject.call)), baseline.tool_key(tool)
    if what == "request_size":  # a quarter of it is two rungs lower
        return baseline.size_keys("in", tool, max(subject.call.request_size // 4, 1))[-1], baseline.tool_key(tool)
    if effect is None or what == "egress":
        return baseline.egress_key(tool), baseline.tool_key(tool)
    asked = {
        "destination": lambda: baseline.destination_key(tool, effect.address or "", effect.port),
        "child": lambda: baseline.child_key(tool, effect.path or ""),
        "directory": lambda: baseline.path_class_key(tool, baseline.path_class(effect.path or "")),
    }
    return asked[what](), baseline.tool_key(tool)


def _edge(subject: Subject) -> tuple[str, str]:
    """The order of a call's action behind the one before it in its turn, and that one alone."""
    actions = [call for call in subject.turn.calls if baseline.is_action(call)]
    at = next((index for index, call in enumerate(actions) if call.call_id == subject.call.call_id), None)
    if at is None:  # nothing asked the server to act, so no order was broken
        return baseline.tool_key(""), baseline.tool_key("")
    before, edge = baseline.edge_keys(baseline.actions_before(actions, at))[:2]
    return edge, before
