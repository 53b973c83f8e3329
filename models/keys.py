"""Text keys of facts: bounded, printable, and never to be mistaken for another fact's key. Places in arguments and
folders of files without the parts that change from run to run."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

__all__ = ["REMEMBERED", "key_of", "path_class", "place_of"]

_SEPARATOR = "\x1f"
_PART = 160
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_POSITION = re.compile(r"/\d+(?=/|$)")
_DEPTH = 4
_VARIABLE = re.compile(r"\d+|[0-9a-f]{8,}|[0-9a-f-]{32,}|tmp[a-z0-9_]{6,}", re.IGNORECASE)
REMEMBERED = 4_096
"""Keys of so many folders and destinations are worked out once."""


def key_of(kind: str, *parts: str) -> str:
    """A key of bounded length whose parts cannot run into each other."""
    return _SEPARATOR.join((kind, *map(_part, parts)))


def place_of(pointer: str) -> str:
    """Where in the arguments of a tool, positions in lists as `*`."""
    return _POSITION.sub("/*", pointer)


def path_class(path: str) -> str:
    """The directory of a path, with the parts that change from run to run as `*`, at most four levels deep."""
    return _class_of(path[: path.rfind("/") + 1])


@lru_cache(REMEMBERED)
def _class_of(directory: str) -> str:
    parts = directory.split("/")[1:-1] if directory.startswith("/") else ["."]
    if parts[:1] == ["home"] and len(parts) > 1:
        parts[1] = "*"
    return "/" + "/".join("*" if _VARIABLE.fullmatch(part) else part for part in parts[:_DEPTH])


def _part(text: str) -> str:
    if len(text) <= _PART and not _CONTROL.search(text):
        return text
    clean = _CONTROL.sub("?", text)
    return f"{clean[:_PART]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
