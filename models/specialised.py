"""Functions that read and write one Avro record each, written out for its schema as dataclasses writes out __init__.

They go from bytes to events and back without dictionaries between, two to six times as fast as a general library. Only
for schemas of the committed manifest: their names become Python. Refuses maps, fixed types and unions of two types.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from hashlib import sha256
from importlib import import_module
from textwrap import indent
from typing import Any, NewType, get_type_hints

from .specialised_templates import HEAD, READ, READS, RUN, SKIP, WRITE, WRITES
from .varint import ONE, block, long, more, past, remember, spelt

__all__ = ["Raw", "Read", "Runs", "Write", "Written", "reader", "reading", "writer", "writing"]

Raw = NewType("Raw", bytes)
"""A value as it stands on the wire."""

Read = Callable[[bytes, int], tuple[Any, int]]
"""Bytes and a position to a value and the position behind it. Raises one of many errors where the bytes do not fit; a
position beyond the end of the bytes means that they were cut short."""
Write = Callable[[Any, list[bytes]], None]
"""A value to the end of the pieces that a body is joined of. Raises ValueError, TypeError, LookupError, AttributeError
or OverflowError."""

_DOUBLE = struct.Struct("<d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Fields next to each other that tell the same from record to record: of each run the first and the last.

    `by` is a field before all of them: records that share it are likely to share the runs too.
    """

    by: str
    spans: tuple[tuple[str, str], ...]


def reader(schema: Mapping[str, Any], kinds: Mapping[str, type], runs: Runs | None = None) -> Read:
    """What reads the body of `schema` as the dataclass of `kinds` with its name: see reading()."""
    return reading(schema, kinds, runs).function()  # type: ignore[no-any-return]


def writer(schema: Mapping[str, Any], raw: Collection[str] = ()) -> Write:
    """What writes the body of `schema` from an object with its fields: see writing()."""
    return writing(schema, raw).function()  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A function and those it calls as source, and what the source refers to. `head` says the same as `scope`, as a
    module of its own begins: wheels bring such modules compiled."""

    name: str
    head: str
    source: str
    scope: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The source of a module."""
        return f"{HEAD}{self.head}\n\n{self.source}"

    @property
    def module(self) -> str:
        """Its name: another text has another, so that a module which was made of another schema is never taken."""
        return f"written_{sha256(self.text.encode()).hexdigest()[:16]}"

    def function(self) -> Any:
        """The function: of the module where there is one."""
        try:
            return getattr(import_module(f"{__package__}.{self.module}"), self.name)
        except ModuleNotFoundError:
            scope = dict(self.scope)
            exec(compile(self.source, f"<{self.name}>", "exec"), scope)  # noqa: S102  made here, of identifiers
            return scope[self.name]


def reading(schema: Mapping[str, Any], kinds: Mapping[str, type], runs: Runs | None = None) -> Written:
    """What reads the body of `schema` as the dataclass of `kinds` with its name.

    A field that the dataclass does not have is passed over; one that it has as `Raw` is left as it stands on the wire.
    A run whose bytes were read before is recognised by them: what bytes mean depends on nothing else.
    Raises ValueError for an unfit schema.
    """
    return _Reading(kinds, _identifier(schema["name"]), runs).written(schema)


def writing(schema: Mapping[str, Any], raw: Collection[str] = (), kind: type | None = None) -> Written:
    """What writes the body of `schema` from an object with its fields, of `kind` where one is named. Those in `raw` are
    on the wire's terms already. Raises ValueError for an unfit schema."""
    return _Writing(raw, _identifier(schema["name"]), kind).written(schema)


class _Made:
    """What was made so far: functions, what they refer to, and the schemas and functions that have a name."""

    def __init__(self, *helpers: Callable[..., Any]) -> None:
        names = [helper.__name__ for helper in helpers]
        self.scope: dict[str, Any] = {"Any": Any, **dict(zip(names, helpers, strict=True))}
        self.head = [f"from .varint import {', '.join(names)}"]
        self.functions: list[str] = []
        self.names: set[str] = set()
        self.schemas: dict[str, Mapping[str, Any]] = {}

    def bind(self, name: str, value: Any, said: str) -> None:
        """Let source refer to `value`; `said` is how a module says so."""
        if name not in self.scope:
            self.scope[name] = value
            self.head.append(said)


class _Source(ABC):
    """Makes the functions of a record and of the records within."""

    templates: Mapping[str, str]
    prefix: str

    def __init__(self, made: _Made) -> None:
        self.made = made

    def written(self, schema: Mapping[str, Any]) -> Written:
        name, made = self.function(schema), self.made
        return Written(name=name, head="\n".join(made.head), source="\n\n".join(made.functions), scope=made.scope)

    @abstractmethod
    def body(self, name: str, types: Mapping[str, Any]) -> str:
        """The source of the function of a record with fields of these types."""

    def codes(self, symbols: Sequence[str]) -> Mapping[Any, Any]:
        """What an enumeration is looked up in."""
        return {2 * number: symbol for number, symbol in enumerate(symbols)}

    def function(self, schema: Mapping[str, Any]) -> str:
        """The name of the function of a record, which is made with those that it calls."""
        name = _identifier(schema["name"])
        known = f"{self.prefix}_{name}"
        self.made.names.add(known)
        types = {_identifier(field["name"]): field["type"] for field in schema["fields"]}
        self.made.functions.append(self.body(name, types))
        return known

    def lines(self, schema: Any, depth: int = 0, **variable: str) -> str:
        """The source for one value. `variable` is where it comes from or goes to."""
        kind, inner, name = self._sort(schema)
        template = self.templates[kind]
        if inner is not None:
            below = self.lines(inner, depth, **variable) if kind == "option" else self._item(inner, depth, variable)
            margin, _, _ = template.partition("{inner}")
            inner = indent(below, margin.rpartition("\n")[2]).strip()
        return template.format(name=name, depth=depth, inner=inner, **variable)

    def _item(self, schema: Any, depth: int, variable: Iterable[str]) -> str:
        return self.lines(schema, depth + 1, **dict.fromkeys(variable, f"item{depth}"))

    def _sort(self, schema: Any) -> tuple[str, Any, str]:
        """Which template a schema takes, the schema within, and the name of a function or table."""
        if isinstance(schema, list):
            if len(schema) != 2 or schema[0] != "null":
                raise ValueError("a union must be of null and one type")
            return "option", schema[1], ""
        if isinstance(schema, str):
            schema = self.made.schemas.get(schema, {"type": schema})
        kind = schema["type"]
        if not isinstance(kind, str):
            return self._sort(kind)
        if kind not in self.templates or kind == "option":
            raise ValueError(f"the type {kind} is not provided for")
        return kind, schema.get("items"), self._define(kind, schema) if "name" in schema else ""

    def _define(self, kind: str, schema: Mapping[str, Any]) -> str:
        """The name of a record's function or of an enumeration's table."""
        name = _identifier(schema["name"])
        self.made.schemas[name] = schema
        known = f"{self.prefix}_{name}" if kind == "record" else f"enum_{name}"
        if kind == "record" and known not in self.made.names:
            self.function(schema)
        elif kind == "enum":
            codes = self.codes(schema["symbols"])
            self.made.bind(known, codes, f"{known}: Final = {codes!r}")
        return known


class _Passing(_Source):
    templates = SKIP
    prefix = "past"

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        lines = READS + "".join(map(self.lines, types.values()))
        return f"def past_{name}(data: bytes, at: i64) -> i64:\n{indent(lines, '    ')}    return at\n"


class _Reading(_Source):
    templates = READ
    prefix = "read"

    def __init__(self, kinds: Mapping[str, type], outermost: str, runs: Runs | None) -> None:
        super().__init__(_Made(block, long, more, past, remember))
        self.made.bind("double", _DOUBLE.unpack_from, 'double: Final = Struct("<d").unpack_from')
        self.made.bind("fill", object.__setattr__, "fill: Final[Any] = object.__setattr__")
        self._kinds = kinds
        self._runs = runs
        self._outermost = outermost
        self._passing = _Passing(self.made)

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        kind = self._kinds[name]
        self.made.bind(kind.__name__, kind, f"from {kind.__module__} import {kind.__name__}")
        wanted = get_type_hints(kind)
        lines = {field: self._field(field, schema, wanted.get(field)) for field, schema in types.items()}
        if self._runs and name == self._outermost:
            lines = self._joined(lines, wanted, self._runs)
        read = [field for field in types if field in wanted]
        source = READS + "".join(f"of_{field}: {'int' if wanted[field] is int else 'Any'}\n" for field in read)
        source += "".join(lines.values()) + self._filled(name, kind, read)
        body = indent(source, "    ")
        return f"def read_{name}(data: bytes, at: i64) -> tuple[Any, i64]:\n{body}    return made, at\n"

    def _filled(self, name: str, kind: type, read: Collection[str]) -> str:
        """Make the record and fill it in place: a call with so many words costs more."""
        for unread in (field for field in fields(kind) if field.name not in read):
            if unread.default is MISSING:
                raise ValueError(f"{unread.name} of {name} is neither in the schema nor has it a default")
            default = f"default_{unread.name}"
            self.made.bind(default, unread.default, f"{default}: Final = {unread.default!r}")
        sources = {field.name: "of" if field.name in read else "default" for field in fields(kind)}
        params: Any = vars(kind)["__dataclass_params__"]
        fill = "fill(made, '{0}', {1}_{0})\n" if params.frozen else "made.{0} = {1}_{0}\n"
        filled = "".join(fill.format(field, source) for field, source in sources.items())
        return f"made = {kind.__name__}.__new__({kind.__name__})\n{filled}"

    def _joined(self, lines: dict[str, str], wanted: Collection[str], runs: Runs) -> dict[str, str]:
        """The lines with those of each run in the place of its first field."""
        names = list(lines)
        for first, last in runs.spans:
            run = names[names.index(first) : names.index(last) + 1]
            known = f"known_{first}"
            self.made.bind(known, {}, f"{known}: Final[dict[str, list[tuple[bytes, tuple[Any, ...]]]]] = {{}}")
            within = indent("".join(lines.pop(field) for field in run[1:]), "    ")
            kept = [f"of_{field}" for field in run if field in wanted]
            again = indent("".join(f"{value} = values[{at}]\n" for at, value in enumerate(kept)), " " * 8)
            own = indent(lines[first], "    ")
            facts = {"known": known, "key": f"of_{runs.by}", "values": "".join(f"{value}, " for value in kept)}
            lines[first] = RUN.format(**facts, again=again.strip(), inner=own + within)
        return lines

    def _field(self, name: str, schema: Any, hint: Any) -> str:
        if hint is None:
            return self._passing.lines(schema)
        if hint is Raw:
            return f"start = at\n{self._passing.lines(schema)}of_{name} = data[start:at]\n"
        return self.lines(schema, into=f"of_{name}")


class _Writing(_Source):
    templates = WRITE
    prefix = "write"

    def __init__(self, raw: Collection[str], outermost: str, kind: type | None) -> None:
        super().__init__(_Made(spelt))
        self.made.bind("ONE", ONE, "from .varint import ONE")
        self.made.bind("double", _DOUBLE.pack, 'double: Final = Struct("<d").pack')
        self._raw = raw
        self._outermost = outermost
        self._kind = kind
        if kind is not None:
            self.made.bind(kind.__name__, kind, f"from {kind.__module__} import {kind.__name__}")

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        lines = WRITES + "".join(self._field(field, schema) for field, schema in types.items())
        kind = self._kind.__name__ if self._kind and name == self._outermost else "Any"
        return f"def write_{name}(record: {kind}, out: list[bytes]) -> None:\n{indent(lines, '    ')}"

    def _field(self, name: str, schema: Any) -> str:
        if name in self._raw:
            return f"out.append(record.{name})\n"
        return self.lines(schema, value=f"record.{name}")

    def codes(self, symbols: Sequence[str]) -> Mapping[str, bytes]:
        return {symbol: spelt(2 * number) for number, symbol in enumerate(symbols)}


def _identifier(name: str) -> str:
    last = name.rpartition(".")[2]
    if not last.isidentifier():
        raise ValueError(f"{name!r} is no name")
    return last
