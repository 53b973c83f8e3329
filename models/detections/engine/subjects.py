"""What a rule can speak of: calls, effects, tool definitions and arguments, with the fields that it may test.

The fields are those of the event schemas; a few derived ones stand here. Nothing outside this vocabulary can be named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ... import baseline
from ...bindings import BINDINGS
from ...events import ArgumentFact, Call, Effect, ToolDefinition
from ...turn import Turn

__all__ = ["FIELDS", "NESTED", "ON", "WHATS", "Field", "FieldKind", "Subject", "What", "candidates", "keys"]

ON = ("call", "effect", "definition")
What = Literal["egress", "destination", "definition"]
WHATS: Mapping[str, tuple[str, ...]] = {  # what a baseline can be asked of each subject
    "call": ("egress",),
    "effect": ("egress", "destination"),
    "definition": ("definition",),
    "argument": (),
}
FieldKind = Literal["text", "number", "flag", "choice", "texts", "binding"]

_O_PATH = 0o10000000
_ACCESS = {os.O_RDONLY: "read", os.O_WRONLY: "write", os.O_RDWR: "both"}


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing a step can match, with its place in event time."""

    turn: Turn
    call: Call
    start_ns: int
    end_ns: int
    effect: Effect | None = None
    definition: ToolDefinition | None = None
    argument: ArgumentFact | None = None

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


def candidates(turn: Turn, on: str) -> Iterator[Subject]:
    """Everything of one sort in a turn, in order of call, and of the kernel inside a call."""
    for call in turn.calls:
        if on == "call":
            yield Subject(turn, call, call.started_ns, max(call.started_ns, call.ended_ns))
        elif on == "effect":
            yield from effects_of(turn, call)
        else:
            for definition in call.tools:
                yield Subject(turn, call, call.ended_ns, call.ended_ns, definition=definition)


def effects_of(turn: Turn, call: Call) -> Iterator[Subject]:
    return (Subject(turn, call, effect.wall_ns, effect.wall_ns, effect=effect) for effect in call.effects)


def _arguments_of(subject: Subject) -> Iterator[Subject]:
    call = subject.call
    return (Subject(subject.turn, call, call.started_ns, call.started_ns, argument=fact) for fact in call.arguments)


NESTED: Mapping[str, Mapping[str, tuple[str, Callable[[Subject], Iterator[Subject]]]]] = {
    # a nested condition holds when one of these satisfies it
    "call": {
        "effects": ("effect", lambda subject: effects_of(subject.turn, subject.call)),
        "arguments": ("argument", _arguments_of),
    },
    "effect": {"call": ("call", lambda subject: iter((subject,)))},
    "definition": {"call": ("call", lambda subject: iter((subject,)))},
    "argument": {},
}


def _access(subject: Subject) -> str:
    """What an open asked for. O_PATH gives a name, not the content."""
    effect = subject.effect
    if effect is None or effect.kind != "open" or effect.flags & _O_PATH:
        return "none"
    return _ACCESS.get(effect.flags & os.O_ACCMODE, "none")


def _open_world(subject: Subject) -> bool | None:
    """What the server said of the called tool, as far as this turn lists its definition."""
    same = (call for call in subject.turn.calls if call.server.id == subject.call.server.id)
    hints = [tool.open_world for call in same for tool in call.tools if tool.name == subject.call.tool]
    return hints[-1] if hints else None


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


_IDS = frozenset({"event_id", "call_id", "correlation_id", "boot_id", "key_id", "digests", "candidates", "source"})
FIELDS: Mapping[str, Mapping[str, Field]] = {
    "call": {
        **_derive("call", Call, _IDS),
        "server": Field("text", (), lambda subject: subject.call.server.id),
        "open_world": Field("flag", (), _open_world),
    },
    "effect": {
        **_derive("effect", Effect, _IDS),
        "access": Field("choice", ("none", "read", "write", "both"), _access),
    },
    "definition": _derive("definition", ToolDefinition, _IDS),
    "argument": _derive("argument", ArgumentFact, _IDS),
}


def keys(what: What, subject: Subject) -> tuple[str, str]:
    """The baseline's key for `what` of the subject, and the key of what could have shown it."""
    if what == "definition" and subject.definition is not None:
        tool = subject.definition.name
        return baseline.definition_key(tool, subject.definition.digest), baseline.tool_definitions_key(tool)
    tool = baseline.action_of(subject.call)
    if what == "destination" and subject.effect is not None:
        return baseline.destination_key(tool, subject.effect.address or "", subject.effect.port), baseline.tool_key(
            tool
        )
    return baseline.egress_key(tool), baseline.tool_key(tool)
