"""Arguments that climb out of their folder under a disguise, or bring a command along where a name belongs.

Pure and linear. Only what stands where a path, a host or a URL belongs is looked at: texts may say what they like.
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
_CLIMBS = r"(?:\.\.(?:;?/|\\)+){3}|\.\.\.\.//"  # one or two steps up are how people write paths
_HIDDEN = r"\.\.(?:[/\\]|$)|\0"
_OVERLONG = r"(?i)%c0%(?:ae|af)|%e0%80%af"
_COMMAND = (
    r"(?:[;&|\n]|\$\(|`)\s*+(?:/[\w./-]*/)?"
    r"(?:awk|base64|bash|busybox|cat|chmod|cp|curl|dig|echo|env|id|kill|ls|mkfifo|mv|nc|ncat|node|nohup|nslookup|perl|php|ping"
    r"|printenv|printf|ps|python\d?|rm|ruby|sed|sh|sleep|socat|ssh|tee|touch|uname|wget|whoami|zsh)\b(?![.=-])"
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
    if kind_of(value, key) == "text" and not names_place(key):
        return
    if ("%" in value and _hides(value)) or re.search(_CLIMBS, value):
        yield "argument-traversal"
    if re.search(_COMMAND, value):
        yield "argument-shell"


def _hides(value: str) -> bool:
    """Whether percent signs stand for a way up that does not show by itself."""
    if re.search(_OVERLONG, value):
        return True
    return re.search(_HIDDEN, plain(value)) is not None and re.search(_HIDDEN, value) is None
