"""What a SQL statement does and to which tables, by sqlglot; never its text or a literal of it.

Whoever is watched chooses the text, and sqlglot backtracks without end on some: reading takes at most so many steps as
an ordinary statement needs three times over, and all reading together at most a tenth of the time.
Loads sqlglot (0.25 s, 37 MB) when the first statement is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import Any

from .sql import LONGEST

__all__ = ["NOTHING", "SqlReader", "Statement", "warm"]

_MOST_TOKENS = 2048
_MOST_TABLES = 16
_STEPS_A_TOKEN = 3
_SHARE = 10  # reading takes one part of so many of the time,
_BURST_NS = 200_000_000  # after as much at once
_KINDS = {
    "union": "select",
    "intersect": "select",
    "except": "select",
    "subquery": "select",
    "truncatetable": "truncate",
    "transaction": "begin",
}
_WRITTEN = (
    "pragma set use transaction commit rollback describe show attach detach analyze kill grant revoke truncatetable",
    "comment cache uncache loaddata values alter drop",
)
_SPOKEN = (  # what sqlglot passes over as a command, or cannot read
    "explain vacuum call execute exec reindex grant revoke alter create drop show describe pragma attach detach load",
    "optimize prepare deallocate lock unlock copy set reset listen notify do declare fetch begin refresh comment",
    "rename export import if truncate",
)
_OTHERS, _COMMANDS = (frozenset(" ".join(lines).split()) for lines in (_WRITTEN, _SPOKEN))
_VERB = re.compile(r"[\s(]*+([a-z]{2,10})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind` of the first statement, `unreadable` where there is none, `unread` where there was no time."""

    kind: str
    count: int = 0
    tables: tuple[str, ...] = ()


NOTHING = Statement("unreadable")


def warm() -> None:
    """Load sqlglot beside the traffic; a reader that needs it sooner waits for it."""
    Thread(target=_parser, args=("",), daemon=True).start()


class SqlReader:
    """`monotonic_ns` pays for the time that reading takes."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._clock = monotonic_ns
        self._credit = _BURST_NS
        self._at = monotonic_ns()

    def read(self, text: str) -> Statement:
        """Never raises; a text that cannot be read in bounds is `unreadable`."""
        parse = _parser(_dialect(text))  # to load it is paid by nobody's statement
        begun = self._clock()
        self._credit = min(_BURST_NS, self._credit + (begun - self._at) // _SHARE)
        self._at = begun
        if self._credit <= 0:
            return Statement("unread")
        try:
            return _read(parse(text[:LONGEST]))
        except Exception:  # a parser of foreign text: any failure means that it cannot be read
            return _spoken(text)
        finally:
            self._credit -= self._clock() - begun


class _TooLong(Exception):
    """More steps than an ordinary statement takes."""


def _spoken(text: str) -> Statement:
    """What can be said of a statement that cannot be read: its verb, where only a statement begins with it."""
    verb = _VERB.match(text)
    return Statement(verb[1].lower(), 1) if verb and verb[1].lower() in _COMMANDS else NOTHING


def _dialect(text: str) -> str:
    """By the quotes of names that only one family of servers knows."""
    return "mysql" if "`" in text else "tsql" if "[" in text else ""


def _read(parsed: list[Any]) -> Statement:
    trees = [tree for tree in parsed if tree is not None and tree.key != "semicolon"]
    kind = _kind(trees[0]) if trees else None
    if kind is None:
        return NOTHING
    tables: dict[str, None] = {}
    for tree in trees:
        tables |= dict.fromkeys(_tables(tree))
    return Statement(kind, len(trees), tuple(tables)[:_MOST_TABLES])


def _kind(tree: Any) -> str | None:
    """The statement's own kind, or that of a write inside it: a common table expression may delete."""
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(tree, exp.Command):
        verb = str(tree.this).lower()
        return verb if verb in _COMMANDS else None
    write = tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge)
    if write is not None and isinstance(tree, exp.Query):
        return str(write.key)
    known = isinstance(tree, exp.Query | exp.DML | exp.DDL) or tree.key in _OTHERS
    return str(_KINDS.get(tree.key, tree.key)) if known else None


def _tables(tree: Any) -> list[str]:
    from sqlglot import exp  # noqa: PLC0415

    own = {item.alias_or_name.lower() for item in tree.find_all(exp.CTE)}
    names: list[str] = []
    for table in tree.find_all(exp.Table):
        parts = [part for part in table.parts if isinstance(part, exp.Identifier)]
        if len(parts) != len(table.parts) or any(part.meta.get("literal") for part in parts):
            continue  # a function, or a text that stands for a file
        name = ".".join(part.name for part in parts)
        if name and name.lower() not in own:
            names.append(name)
    return names


@cache
def _parser(dialect: str) -> Callable[[str], list[Any]]:
    """A parser of a dialect that counts its steps, and says nothing in the log: sqlglot would write the text there."""
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415

    speaks = Dialect.get_or_raise(dialect or None)

    class Bounded(speaks.parser_class):  # type: ignore[misc, name-defined]
        left = 0

        def _advance(self, times: int = 1) -> None:
            self.left -= 1
            if self.left < 0:
                raise _TooLong
            super()._advance(times)

        def _warn_unsupported(self) -> None:
            """Other syntax is a `Command`."""

        def _parse_string_as_identifier(self) -> Any:
            found = super()._parse_string_as_identifier()
            if found is not None:
                found.meta["literal"] = True
            return found

    def parse(text: str) -> list[Any]:
        tokens = speaks.tokenize(text)
        if len(tokens) > _MOST_TOKENS:
            raise _TooLong
        parser = Bounded(dialect=speaks)
        parser.left = 64 + _STEPS_A_TOKEN * len(tokens)
        return list(parser.parse(tokens, text))

    return parse
