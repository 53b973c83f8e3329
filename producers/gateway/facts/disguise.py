"""Arguments that climb out of their folder under a disguise, or bring a command along where a name belongs.

Pure and linear. Only what stands where a path, a host or a URL belongs is looked at: texts, code and patterns may say
what they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .values import kind_of, names_place

if TYPE_CHECKING:
    from .walk import Leaf

__all__ = ["disguised", "plain"]

# Compiled by re at their first use, as in values.py.
_LONGEST = 4096
_SIGNS = ("..", "%", ";", "|", "&", "`", "$(", "\n", "\0")
_TEXT_KEY = (
    r"(?i)(?:body|cmd|code|command|comment|contents?|description|diff|expression|filter|html|markdown|message|note|patch"
    r"|pattern|prompt|query|regexp?|script|(?:cell|code|new|old)_?source|sql|str|string|text|title)s?$"
)
_CLIMBS = r"(?:\.\.(?:;?/|\\)+){3}|\.\.\.\.//|\0"  # one or two steps up are how people write paths
_UP = r"(?<!\w)\.\.(?:[/\\]|$)|\0"
_OVERLONG = r"(?i)%c0%(?:ae|af)|%e0%80%af"
# A word before `=`, `:`, `(` or `[` is a name: in a URL's query, in YAML, in code.
_COMMAND = (
    r"(?:[;&|\n]|\$\(|`)[ \t]*+(?:/[\w./-]*/)?"
    r"(?:awk|base64|bash|busybox|cat|chmod|cp|curl|dig|echo|env|id|kill|ls|mkfifo|mv|nc|ncat|node|nohup|nslookup|perl|php|ping"
    r"|printenv|printf|ps|python\d?|rm|ruby|sed|sh|sleep|socat|ssh|tee|touch|uname|wget|whoami|zsh)\b(?!\s*[=:]|[.(\[-]|%5[Bb])"
)


def disguised(leaves: Iterable[Leaf]) -> set[str]:
    """The anomalies of arguments: `argument-traversal`, `argument-shell`."""
    found: set[str] = set()
    for key, value, _ in leaves:
        if type(value) is str and len(value) <= _LONGEST:
            for sign in _SIGNS:
                if sign in value:
                    found.update(_of(str(key), value))
                    break
    return found


def plain(value: str) -> str:
    """What percent signs stand for, however often they were written over; at most three times."""
    from urllib.parse import unquote  # noqa: PLC0415 - rare, and dear at the start

    for _ in range(3):
        if "%" not in value or (decoded := unquote(value)) == value:
            break
        value = decoded
    return value


def _of(key: str, value: str) -> Iterator[str]:
    kind, text = kind_of(value, key), re.search(_TEXT_KEY, key) is not None
    if text and (kind == "text" or " " in value):
        return
    if kind == "text" and (not names_place(key) or _begins_as_text(value)):
        return
    if re.search(_CLIMBS, value) or ("%" in value and _hides(value)):
        yield "argument-traversal"
    if not text and re.search(_COMMAND, value):
        yield "argument-shell"


def _begins_as_text(value: str) -> bool:
    """Whether the first of several lines is no name: a script's, or of more than two words."""
    head, line_break, _ = value.partition("\n")
    return bool(line_break) and (head.startswith("#!") or len(head.split()) > 2)


def _hides(value: str) -> bool:
    """Whether percent signs stand for a way up that does not show by itself."""
    if re.search(_OVERLONG, value):
        return True
    return len(re.findall(_UP, plain(value))) > len(re.findall(_UP, value))
