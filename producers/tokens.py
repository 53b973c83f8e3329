"""The word-like values in a text. Prompts, results and arguments are cut by one rule, so their digests can meet."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["SHORTEST", "tokens"]

SHORTEST = 4
_TOKEN = re.compile(r"""[^\s"'`<>,;(){}\[\]|\\]{4,}""")
_TRAILING = ".:!?"


def tokens(text: str) -> Iterator[str]:
    """Runs without blanks, quotes or brackets, no sentence mark at their end; of `name=value` also the value."""
    for match in _TOKEN.finditer(text):
        token = match.group().rstrip(_TRAILING)
        if len(token) >= SHORTEST:
            yield token
            value = token.partition("=")[2]
            if len(value) >= SHORTEST:
                yield value
