"""The word-like values in a text. Prompts, results and arguments are cut by one rule, so their digests can meet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat

__all__ = ["SHORTEST", "token_hashes", "tokens"]

SHORTEST = 4
_BREAKS = "\"'`<>,;(){}[]|\\"
_BLANKED = bytes(0x20 if chr(octet) in _BREAKS else octet for octet in range(256))
_BREAK = f"[{re.escape(_BREAKS)}]"
_TRAILING = ".:!?"


def tokens(text: str) -> list[str]:
    """Runs without blanks, quotes or brackets, no sentence mark at their end; of `name=value` also the value.

    Each once, at least four characters long.
    """
    return [token for token in dict.fromkeys(_cut(text)) if len(token) >= SHORTEST]


def token_hashes(text: str) -> set[int]:
    """`hash()` of every token, and of shorter runs, which no lookup asks for: to leave them out costs more."""
    return set(map(hash, _cut(text)))


def _cut(text: str) -> Iterable[str]:
    """One linear pass, most of it in C: results are long, and all of every one is read."""
    blanked = text.encode().translate(_BLANKED).decode() if text.isascii() else re.sub(_BREAK, " ", text)
    found = map(str.rstrip, blanked.split(), repeat(_TRAILING))
    if "=" not in blanked:
        return found
    runs = list(found)
    return runs + [run.partition("=")[2] for run in runs if len(run) >= SHORTEST]
