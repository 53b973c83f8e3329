"""What hygiene shares with other workers: hashes of small records in Redis, read and written in the store's pipelines.

Every change has a number, and what this process has read is not sent again: a hash grows with the findings of a day.

Names, under the store's prefix: `hygiene:<hash>`, beside it `:number` (of the last change) and `:order` (sorted set
field -> number of its change); a hash that nobody writes any more goes after a week.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..models.hygiene import Note
from .redisclient import Pipeline

__all__ = ["Ledgers", "write"]

_KEPT_S = 7 * 86_400
_MOST = 100_000  # hashes and their fields, of all that are remembered
_READ = """
local answers = {}
for at, key in ipairs(KEYS) do
  local number, since = tonumber(redis.call('GET', key .. ':number') or 0), tonumber(ARGV[at])
  if number < since then since = 0 end
  local changed = {}
  if number > since then changed = redis.call('ZRANGE', key .. ':order', '(' .. since, '+inf', 'BYSCORE') end
  local told = {number, since}
  for _, field in ipairs(changed) do
    local value = redis.call('HGET', key, field)
    if value then told[#told + 1], told[#told + 2] = field, value end
  end
  answers[at] = told
end
return answers
"""
_WRITE = """
local key, field, value, kept = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', key, field) ~= value then
  redis.call('HSET', key, field, value)
  redis.call('ZADD', key .. ':order', redis.call('INCR', key .. ':number'), field)
end
for _, name in ipairs({key, key .. ':number', key .. ':order'}) do redis.call('EXPIRE', name, kept) end
"""

_Fields = Mapping[str, bytes]


class Ledgers:
    """The hashes as this process read them last. What is handed out never changes afterwards."""

    def __init__(self) -> None:
        self._read: OrderedDict[str, tuple[int, _Fields]] = OrderedDict()
        self._held = 0

    def ask(self, pipe: Pipeline, prefix: str, names: Sequence[str]) -> None:
        if names:
            since = (self._read.get(name, (0, {}))[0] for name in names)
            pipe.eval(_READ, len(names), *(_key(prefix, name) for name in names), *since)

    def answer(self, names: Sequence[str], answers: Iterator[Any]) -> Mapping[str, _Fields]:
        """By name of the hash; takes an answer if any was asked for."""
        told = next(answers) if names else ()
        answered = {name: self._merged(name, *each) for name, each in zip(names, told, strict=True)}
        while self._held > _MOST and len(self._read) > 1:
            self._taken(next(iter(self._read)))
        return answered

    def _merged(self, name: str, number: int, since: int, *changes: bytes) -> _Fields:
        """`since`: the number that the changes are counted from, 0 for all of the hash, also where Redis lost it."""
        before, fields = self._taken(name)
        news = {field.decode(): value for field, value in zip(changes[::2], changes[1::2], strict=True)}
        if since > before:
            return news  # what they add to was forgotten since it was asked: the next time all of it comes
        if since == 0:
            fields = news
        elif number > before:
            fields = {**fields, **news}
        else:
            number = before  # nothing is new, or a later answer came sooner
        self._read[name] = number, fields
        self._held += 1 + len(fields)
        return fields

    def _taken(self, name: str) -> tuple[int, _Fields]:
        """What was read of a hash last, no longer held."""
        if name not in self._read:
            return 0, {}
        read = self._read.pop(name)
        self._held -= 1 + len(read[1])
        return read


def write(pipe: Pipeline, prefix: str, note: Note) -> None:
    pipe.eval(_WRITE, 1, _key(prefix, note.name), note.field, note.value, _KEPT_S)


def _key(prefix: str, name: str) -> str:
    return f"{prefix}:{quote(name, safe=':')}"
