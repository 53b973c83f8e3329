"""How many rows a result shows: structured lists, JSON or Python text, Markdown and separated tables. Pure; linear."""

from __future__ import annotations

import re
from typing import Any

import orjson

__all__ = ["rows"]

_READ = 1 << 20  # characters of a text
_SCANNED = 65_536  # characters that are read one by one
_MOST_ITEMS = 4096
_NAMES = ("rows", "records", "results", "result", "data", "items", "values")
_FOOTER = re.compile(r"\((\d{1,15}) rows?\)\s*\Z")
_RULE = frozenset("|+-: \t")
_HEADER = re.compile(r"\s*[A-Za-z_][\w ]{0,63}")
_PIECE = re.compile(  # an unfinished string runs to the end: linear on any input
    r"""(?P<text>'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))|(?P<open>[\[({])|(?P<close>[\])}])|,""",
    re.DOTALL,
)


def rows(result: dict[str, Any]) -> int | None:
    """None where the result shows no rows."""
    if "structuredContent" in result:
        count = _of_value(result["structuredContent"])
        if count is not None:
            return count
    content = result.get("content")
    texts = [
        item["text"][:_READ]
        for item in (content[:_MOST_ITEMS] if isinstance(content, list) else [])
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]
    if len(texts) == 1:
        return _of_text(texts[0])
    return len(texts) if texts and all(text.lstrip()[:1] == "{" for text in texts) else None


def _of_value(value: object) -> int | None:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict):
        for name in _NAMES:
            if isinstance(value.get(name), list):
                return len(value[name])
        lists = [item for item in value.values() if isinstance(item, list)]
        return len(lists[0]) if len(lists) == 1 else None
    return None


def _of_text(text: str) -> int | None:
    text = text.strip()
    if text[:1] in ("[", "{"):
        try:
            return _of_value(orjson.loads(text))
        except ValueError:
            return _elements(text) if text[0] != "{" and len(text) <= _SCANNED else None
    footer = _FOOTER.search(text[-40:])
    return int(footer[1]) if footer else _of_table(text)


def _elements(text: str) -> int | None:
    """Elements of a list as Python shows it; None where the brackets do not meet."""
    depth = commas = last = 0
    for piece in _PIECE.finditer(text):
        if piece["open"]:
            depth += 1
        elif piece["close"]:
            depth -= 1
        elif not piece["text"] and depth == 1:
            commas += 1
            last = piece.end()
    if depth:
        return None
    return commas + bool(text[last or 1 : -1].strip())


def _of_table(text: str) -> int | None:
    """Lines below the rule of a Markdown or psql table, or below the header of a separated one."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return None
    if "|" in lines[0] and "-" in lines[1] and _RULE.issuperset(lines[1]):
        return sum("|" in line for line in lines[2:])
    for separator in ("\t", ",", ";", "|"):
        columns = lines[0].count(separator)
        if columns and all(line.count(separator) >= columns for line in lines[1:]):
            named = all(_HEADER.fullmatch(cell) for cell in lines[0].split(separator))
            return len(lines) - 1 if named else None
    return None
