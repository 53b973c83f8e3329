"""Names that the watched chose (tools, methods, ids, members, versions): published as they are unless they look secret.

A name is no place for a secret, so pieces of one count here too. What looks like words is published: see the README.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ....models.text import clean
from .secrets import find_secrets, looks_secret

__all__ = ["Names"]

_CAP = 128
_READ = 4096  # characters of a longer name that its digest tells
_MARK = "digest:"
_PIECE = (  # what secrets begin with, or a key in hexadecimal
    r"\b(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{6}|gh[pousr]_\w{6}|github_pat_\w{6}|xox[abeoprs]-[\w-]{6}|AIza[\w-]{6}"
    r"|sk-[\w-]{12}|eyJ[\w-]{10})|(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}"
)
_UUID = r"(?i)[\w.:-]{0,16}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[.:_-]?\d{0,10}"
_RUN = r"[A-Z]?[a-z]++|[A-Z]++|\d++"
_HARMLESS = 8  # characters: no secret and no piece of one that we know is so short
_WORD = 3  # letters of a word, on average
_LONGEST_WORD = 16
_DIGITS = 20


class Names:
    """What may be published of a name. `digest` is keyed, so equal names stay equal."""

    def __init__(self, digest: Callable[[str], str]) -> None:
        self._digest = digest
        self.short = lru_cache(2048)(self._published)  # for names of at most 128 characters: those repeat

    def __call__(self, name: str, cap: int = _CAP) -> str:
        """The name, cleaned and capped, or `digest:` and 32 hex digits."""
        return self.short(name, cap) if len(name) <= _CAP else self._published(name, cap)

    def optional(self, name: str | None) -> str | None:
        return None if name is None else self(name)

    def identifier(self, value: object, lexeme: str) -> str:
        """A JSON-RPC id in its JSON form: UUIDs and counters pass, a structure never does."""
        if type(value) is int and len(lexeme) <= _DIGITS:
            return lexeme
        if isinstance(value, str) and (re.fullmatch(_UUID, value[: _CAP + 1]) or not _hides(value)):
            return clean(lexeme, _CAP)
        if not isinstance(value, str | list | dict) and len(lexeme) <= _DIGITS:
            return lexeme
        return _MARK + self._digest(lexeme[:_READ])

    def _published(self, name: str, cap: int = _CAP) -> str:
        return clean(_MARK + self._digest(name[:_READ]) if _hides(name) else name, cap)


def _hides(name: str) -> bool:
    if len(name) <= _HARMLESS:
        return False
    name = name[: _CAP + 1]
    if re.search(_PIECE, name) is not None or any(True for _ in find_secrets(name)):
        return True
    return any(looks_secret(part) and not _worded(part) for part in name.split())


def _worded(name: str) -> bool:
    """Whether a name that is as random as a key is so because it is made of several words."""
    runs = re.findall(_RUN, name)
    return sum(map(len, runs)) >= _WORD * len(runs) > 0 and max(map(len, runs)) <= _LONGEST_WORD
