"""Text keys of facts: bounded, printable, and never to be mistaken for another fact's key."""

from __future__ import annotations

import hashlib
import re

__all__ = ["key_of", "place_of"]

_SEPARATOR = "\x1f"
_PART = 160
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_POSITION = re.compile(r"/\d+(?=/|$)")


def key_of(kind: str, *parts: str) -> str:
    """A key of bounded length whose parts cannot run into each other."""
    return _SEPARATOR.join((kind, *map(_part, parts)))


def place_of(pointer: str) -> str:
    """Where in the arguments of a tool, positions in lists as `*`."""
    return _POSITION.sub("/*", pointer)


def _part(text: str) -> str:
    clean = _CONTROL.sub("?", text)
    if len(clean) <= _PART and clean == text:
        return clean
    return f"{clean[:_PART]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
