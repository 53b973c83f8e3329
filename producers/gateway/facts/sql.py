"""SQL among the arguments of a call: which values are statements. Cheap enough for every call; reads no SQL itself.

A value is taken for SQL by its name (`sql`, `statement`) or by how it begins; what only begins like SQL and cannot be
read as such is none (`named` tells them apart).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

__all__ = ["LONGEST", "Candidate", "statements"]

LONGEST = 4096  # characters of a statement that is read
_MOST = 8
_LONGEST_NAME = 16
_NODES = 64
_DEEPEST = 3
_NAMES = frozenset({"sql", "statement", "statements", "sql_query", "sqlquery", "query_sql", "raw_sql", "ddl", "dml"})
_VERBS = (
    "se",
    "in",
    "re",
    "up",
    "de",
    "me",
    "wi",
    "cr",
    "dr",
    "al",
    "tr",
    "pr",
    "at",
    "ex",
    "va",
    "be",
    "sh",
    "gr",
    "co",
)
_FIRST = frozenset(  # two characters of what can begin a statement
    [
        "--",
        "/*",
        *(one + two for verb in _VERBS for one in (verb[0], verb[0].upper()) for two in (verb[1], verb[1].upper())),
    ]
)
_BLANK = frozenset("( \t\r\n")
_BLANKS = r"(?s)(?:\s+|--[^\n]*\n?|/\*.*?\*/|\()+"
_OPENING = (
    r"(?is)(?:select\b(?=.{1,2000}?\bfrom\b|\s+[\d*'\"(@])|(?:insert|replace)\s+into\b|update\s+[\w.\"`\[\]]+\s+set\b"
    r"|delete\s+from\b|merge\s+into\b|with\s+(?:recursive\s+)?\w+\s*(?:\([^)]{0,200}\)\s*)?as\s*\("
    r"|(?:create|drop|alter)\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+|virtual\s+)?"
    r"(?:table|view|index|database|schema|trigger|function|procedure|user|role|sequence|extension)\b"
    r"|truncate\s+table\b|pragma\s+\w+|attach\s+database\b|explain\s+(?:query|analyze|select|update|delete|insert)\b"
    r"|vacuum\s*;?\s*\Z|describe\s+[\w.]+\s*;?\s*\Z|begin\s*(?:transaction\s*)?;"
    r"|show\s+(?:tables|databases|columns|grants)\b|grant\s+\w+(?:\s*,\s*\w+)*\s+on\b|copy\s+\w+\s+(?:from|to)\b)"
)


class Candidate(NamedTuple):
    """One value under its path in the arguments; `named` tells SQL by its name from what only begins like it."""

    path: tuple[str, ...]
    text: str
    named: bool


def statements(arguments: object) -> list[Candidate]:
    """The first 8 values near the top that look like SQL; of a value at most 4096 characters."""
    found: list[Candidate] = []
    waiting: list[tuple[tuple[str, ...], str, Any]] = [((), "", arguments)]
    for path, key, node in waiting:
        for name, value in _members(node):
            nearest = name if type(name) is str else key
            if type(value) is str:
                named = len(nearest) <= _LONGEST_NAME and nearest.lower() in _NAMES
                if named or ((value[:2] in _FIRST or value[:1] in _BLANK) and _begins(value)):
                    found.append(Candidate((*path, str(name)), value[:LONGEST], named))
                    if len(found) == _MOST:
                        return found
            elif type(value) in (dict, list) and len(path) < _DEEPEST and len(waiting) < _NODES:
                waiting.append(((*path, str(name)), nearest, value))
    return found


def _members(node: Any) -> Any:
    if type(node) is dict:
        return node.items()
    return enumerate(node) if type(node) is list else ()


def _begins(text: str) -> bool:
    text = text[:LONGEST]
    blank = re.match(_BLANKS, text)
    return re.compile(_OPENING).match(text, blank.end() if blank else 0) is not None
