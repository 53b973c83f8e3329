"""What hygiene shares with other workers: hashes of small records in Redis, read and written in the store's pipelines.

Names, under the store's prefix: `hygiene:<hash>`; a hash that nobody writes any more goes after a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..models.hygiene import Note
from .redisclient import Pipeline

__all__ = ["answer", "ask", "write"]

_KEPT_S = 7 * 86_400


def ask(pipe: Pipeline, prefix: str, names: Iterable[str]) -> None:
    for name in names:
        pipe.hgetall(_key(prefix, name))


def answer(names: Iterable[str], answers: Iterator[Any]) -> Mapping[str, Mapping[str, bytes]]:
    """By name of the hash; takes as many answers as were asked for."""
    return {name: {field.decode(): value for field, value in next(answers).items()} for name in names}


def write(pipe: Pipeline, prefix: str, note: Note) -> None:
    key = _key(prefix, note.name)
    pipe.hset(key, note.field, note.value)
    pipe.expire(key, _KEPT_S)


def _key(prefix: str, name: str) -> str:
    return f"{prefix}:{quote(name, safe=':')}"
