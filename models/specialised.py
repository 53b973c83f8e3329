"""Functions that read and write one Avro record each, written out for its schema as dataclasses writes out __init__.

They go from bytes to events and back without dictionaries between, two to six times as fast as a general library. Only
for schemas of the committed manifest: their names become Python. Refuses maps, fixed types and unions of two types.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from textwrap import indent
from typing import Any, NewType, get_type_hints

from .specialised_templates import READ, RUN, SKIP, WRITE

__all__ = ["Raw", "Read", "Runs", "Write", "more", "put", "reader", "writer"]

Raw = NewType("Raw", bytes)
"""A value as it stands on the wire."""

Read = Callable[[bytes, int], tuple[Any, int]]
"""Bytes and a position to a value and the position behind it. Raises one of many errors where the bytes do not fit; a
position beyond the end of the bytes means that they were cut short."""
Write = Callable[[Any, bytearray], None]
"""A value to the end of a buffer. Raises ValueError, TypeError, LookupError, AttributeError or OverflowError."""

_LONG_BITS = 64
_DOUBLE = struct.Struct("<d")
_KEYS = 4096  # that runs are remembered for, and how many of each
_OF_A_KEY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Fields next to each other that tell the same from record to record: of each run the first and the last.

    `by` is a field before all of them: records that share it are likely to share the runs too.
    """

    by: str
    spans: tuple[tuple[str, str], ...]


def reader(schema: Mapping[str, Any], kinds: Mapping[str, type], runs: Runs | None = None) -> Read:
    """What reads the body of `schema` as the dataclass of `kinds` with its name.

    A field that the dataclass does not have is passed over; one that it has as `Raw` is left as it stands on the wire.
    A run whose bytes were read before is recognised by them: what bytes mean depends on nothing else.
    Raises ValueError for an unfit schema.
    """
    return _Reading(kinds, _identifier(schema["name"]), runs).function(schema)  # type: ignore[no-any-return]


def writer(schema: Mapping[str, Any], raw: Collection[str] = ()) -> Write:
    """What writes the body of `schema` from an object with its fields. Those named in `raw` are on the wire's terms
    already. Raises ValueError for an unfit schema."""
    return _Writing(raw).function(schema)  # type: ignore[no-any-return]


class _Source(ABC):
    """Makes the functions of a record and of the records within. `scope` has what their source refers to."""

    templates: Mapping[str, str]
    prefix: str

    def __init__(self, scope: dict[str, Any], schemas: dict[str, Mapping[str, Any]]) -> None:
        self.scope = scope
        self.schemas = schemas  # those that have a name, by it

    @abstractmethod
    def body(self, name: str, types: Mapping[str, Any]) -> str:
        """The source of the function of a record with fields of these types."""

    def codes(self, symbols: Sequence[str]) -> Mapping[Any, Any]:
        """What an enumeration is looked up in."""
        return {2 * number: symbol for number, symbol in enumerate(symbols)}

    def function(self, schema: Mapping[str, Any]) -> Any:
        name = _identifier(schema["name"])
        types = {_identifier(field["name"]): field["type"] for field in schema["fields"]}
        source = compile(self.body(name, types), f"<{self.prefix}_{name}>", "exec")
        exec(source, self.scope)  # noqa: S102  made here, of templates and identifiers
        return self.scope[f"{self.prefix}_{name}"]

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
            schema = self.schemas.get(schema, {"type": schema})
        kind = schema["type"]
        if not isinstance(kind, str):
            return self._sort(kind)
        if kind not in self.templates or kind == "option":
            raise ValueError(f"the type {kind} is not provided for")
        return kind, schema.get("items"), self._define(kind, schema) if "name" in schema else ""

    def _define(self, kind: str, schema: Mapping[str, Any]) -> str:
        """The name under which a record's function or an enumeration's table stands in the scope."""
        name = _identifier(schema["name"])
        self.schemas[name] = schema
        known = f"{self.prefix}_{name}" if kind == "record" else f"enum_{name}"
        if known not in self.scope:
            if kind == "record":
                self.function(schema)
            else:
                self.scope[known] = self.codes(schema["symbols"])
        return known


class _Passing(_Source):
    templates = SKIP
    prefix = "past"

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        lines = "".join(map(self.lines, types.values()))
        return f"def past_{name}(data, at):\n{indent(lines, '    ')}    return at\n"


class _Reading(_Source):
    templates = READ
    prefix = "read"

    def __init__(self, kinds: Mapping[str, type], outermost: str, runs: Runs | None) -> None:
        scope = {
            "more": more,
            "block": _block,
            "double": _DOUBLE.unpack_from,
            "remember": _remember,
            "new": object.__new__,
        }
        super().__init__(scope, {})
        self._kinds = kinds
        self._runs = runs
        self._outermost = outermost
        self._passing = _Passing(self.scope, self.schemas)

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        kind = self.scope[f"kind_{name}"] = self._kinds[name]
        wanted = get_type_hints(kind)
        lines = {field: self._field(field, schema, wanted.get(field)) for field, schema in types.items()}
        if self._runs and name == self._outermost:
            lines = self._joined(lines, wanted, self._runs)
        source = "".join(lines.values()) + self._made(name, kind, [field for field in types if field in wanted])
        return f"def read_{name}(data, at):\n{indent(source, '    ')}    return made, at\n"

    def _made(self, name: str, kind: type, read: Collection[str]) -> str:
        """Make the record. One that is not frozen is filled in place: a call with so many words costs more."""
        params: Any = vars(kind)["__dataclass_params__"]
        if params.frozen:
            return f"made = kind_{name}({', '.join(f'{field}=of_{field}' for field in read)})\n"
        for unread in (field for field in fields(kind) if field.name not in read):
            if unread.default is MISSING:
                raise ValueError(f"{unread.name} of {name} is neither in the schema nor has it a default")
            self.scope[f"of_{unread.name}"] = unread.default
        filled = "".join(f"made.{field.name} = of_{field.name}\n" for field in fields(kind))
        return f"made = new(kind_{name})\n{filled}"

    def _joined(self, lines: dict[str, str], wanted: Collection[str], runs: Runs) -> dict[str, str]:
        """The lines with those of each run in the place of its first field."""
        names = list(lines)
        for first, last in runs.spans:
            run = names[names.index(first) : names.index(last) + 1]
            known = f"known_{first}"
            self.scope[known] = {}
            within = indent("".join(lines.pop(field) for field in run[1:]), "    ")
            values = "".join(f"of_{field}, " for field in run if field in wanted)
            own = indent(lines[first], "    ")
            lines[first] = RUN.format(known=known, key=f"of_{runs.by}", values=values, inner=own + within)
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

    def __init__(self, raw: Collection[str]) -> None:
        super().__init__({"put": put, "double": _DOUBLE.pack}, {})
        self._raw = raw

    def body(self, name: str, types: Mapping[str, Any]) -> str:
        lines = "".join(self._field(field, schema) for field, schema in types.items())
        return f"def write_{name}(record, out):\n{indent(lines, '    ')}"

    def _field(self, name: str, schema: Any) -> str:
        if name in self._raw:
            return f"out += record.{name}\n"
        return f"value = record.{name}\n{self.lines(schema, value='value')}"

    def codes(self, symbols: Sequence[str]) -> Mapping[str, int]:
        return {symbol: 2 * number for number, symbol in enumerate(symbols)}


def _identifier(name: str) -> str:
    last = name.rpartition(".")[2]
    if not last.isidentifier():
        raise ValueError(f"{name!r} is no name")
    return last


def more(data: bytes, at: int, n: int) -> tuple[int, int]:
    """The rest of a number whose first byte was `n`, not zigzagged, and the position behind it."""
    n &= 127
    for shift in range(7, _LONG_BITS, 7):
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128 and n < 1 << _LONG_BITS:
            return n, at
    raise ValueError("a number of more than 64 bits")


def put(n: int, out: bytearray) -> None:
    """Write a zigzagged number."""
    if not 0 <= n < 1 << _LONG_BITS:
        raise OverflowError("a number of more than 64 bits")
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


def _block(data: bytes, at: int, n: int) -> tuple[int, int]:
    """Twice the items of an array's block; a negative count has the size of the block behind it."""
    if n > 127:
        n, at = more(data, at, n)
    if n & 1:
        n += 1  # zigzag: -count is 2 * count - 1
        size = data[at]
        at += 1
        if size > 127:
            _, at = more(data, at, size)
    return n, at


def _remember(known: dict[str, list[tuple[bytes, Any]]], key: str, run: bytes, values: Any) -> None:
    """Know the bytes of a run again; the oldest of a key go first."""
    if key not in known and len(known) >= _KEYS:
        known.clear()
    of_key = known.setdefault(key, [])
    of_key.insert(0, (run, values))
    del of_key[_OF_A_KEY:]
