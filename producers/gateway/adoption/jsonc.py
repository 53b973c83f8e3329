"""JSON with comments and trailing commas, read with the place of every value, so that an edit touches nothing else.

Places are offsets into the text. Nothing is ever written out of a tree: edits are pieces of text at such places.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Edit", "JsoncError", "Member", "Node", "after_comma", "comments", "edited", "parse", "quoted"]

_COMMENT_TEXT = r"//[^\r\n]*|/\*.*?\*/"
_BLANK = re.compile(rf"(?:[ \t\r\n]+|{_COMMENT_TEXT})*", re.DOTALL)
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_COMMENT = re.compile(rf"{_STRING.pattern}|(?P<comment>{_COMMENT_TEXT})", re.DOTALL)
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_DEEPEST = 100


class JsoncError(ValueError):
    """Text that is no JSON with comments."""

    def __init__(self, text: str, at: int, what: str) -> None:
        line = text.count("\n", 0, at) + 1
        column = at - text.rfind("\n", 0, at)
        super().__init__(f"line {line}, column {column}: {what}")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object."""

    name: Node
    value: Node


@dataclass(frozen=True, slots=True)
class Node:
    """One value from `start` to before `end`. `text` is a string's content."""

    kind: Literal["object", "array", "string", "scalar"]
    start: int
    end: int
    members: tuple[Member, ...] = ()
    items: tuple[Node, ...] = ()
    text: str = ""

    def member(self, name: str) -> Node | None:
        """The value under `name`; of two the last, as every client reads it."""
        return next((member.value for member in reversed(self.members) if member.name.text == name), None)

    @property
    def repeated(self) -> list[str]:
        """Names that stand here more than once."""
        counted = Counter(member.name.text for member in self.members)
        return sorted(name for name, times in counted.items() if times > 1)


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of what stands from `start` to before `end`."""

    start: int
    end: int
    text: str


def parse(text: str) -> Node:
    """The tree of a whole text, a byte order mark before it allowed. Raises JsoncError."""
    reader = _Reader(text)
    root = reader.value(reader.blank(1 if text.startswith("\ufeff") else 0), 0)
    if (rest := reader.blank(root.end)) != len(text):
        raise JsoncError(text, rest, "there is more behind the end")
    return root


def comments(text: str) -> list[tuple[int, int]]:
    """Where comments stand in a text that parse has read."""
    return [found.span() for found in _COMMENT.finditer(text) if found["comment"]]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` with every edit made; they do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def after_comma(text: str, at: int) -> int | None:
    """Behind the comma that follows what ends at `at`; None where none does."""
    found = _BLANK.match(text, at)
    end = found.end() if found else at
    return end + 1 if text[end : end + 1] == "," else None


def quoted(text: str) -> str:
    """A JSON string."""
    return json.dumps(text, ensure_ascii=False)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def value(self, at: int, depth: int) -> Node:
        char = self._text[at : at + 1]
        if depth > _DEEPEST:
            raise JsoncError(self._text, at, f"nested deeper than {_DEEPEST}")
        if char == "{":
            return self._object(at, depth)
        if char == "[":
            return self._array(at, depth)
        if char == '"':
            return self._string(at)
        if found := _SCALAR.match(self._text, at):
            return Node("scalar", at, found.end())
        raise JsoncError(self._text, at, "a value is missing")

    def _string(self, at: int) -> Node:
        found = _STRING.match(self._text, at)
        if found is None:
            raise JsoncError(self._text, at, "a text has no end, or a line break in it")
        try:
            return Node("string", at, found.end(), text=json.loads(found.group()))
        except json.JSONDecodeError as error:
            raise JsoncError(self._text, at + error.pos, error.msg) from None

    def _object(self, start: int, depth: int) -> Node:
        members: list[Member] = []
        at = self.blank(start + 1)
        while self._text[at : at + 1] != "}":
            if self._text[at : at + 1] != '"':
                raise JsoncError(self._text, at, "a name or } is missing")
            name = self._string(at)
            colon = self.blank(name.end)
            if self._text[colon : colon + 1] != ":":
                raise JsoncError(self._text, colon, ": is missing")
            value = self.value(self.blank(colon + 1), depth + 1)
            members.append(Member(name, value))
            at = self._next(value.end, "}")
        return Node("object", start, at + 1, members=tuple(members))

    def _array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        at = self.blank(start + 1)
        while self._text[at : at + 1] != "]":
            items.append(self.value(at, depth + 1))
            at = self._next(items[-1].end, "]")
        return Node("array", start, at + 1, items=tuple(items))

    def _next(self, at: int, closing: str) -> int:
        """Where the next element begins, or the closing bracket stands."""
        at = self.blank(at)
        char = self._text[at : at + 1]
        if char == ",":
            return self.blank(at + 1)
        if char != closing:
            raise JsoncError(self._text, at, f", or {closing} is missing")
        return at
