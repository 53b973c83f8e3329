"""Samples of closed turns in Redis: by day and server, and of a model that is tried; teaching.py writes them.

A sample keeps the thousand turns whose hashed names are smallest: any order and any repetition give the same thousand,
and its largest rank tells how many turns there were. A server keeps its latest 30 days of event time.

Names, under the store's prefix: `sample:<name>` (hash turn -> observation), `sample:<name>:order` (sorted set turn ->
its rank) and `sample:days:<server>` (sorted set day -> day). The script builds names, so this serves one Redis server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from ..models.observation import Observation, unpack
from ..models.rolling import Latest
from .drawing import MOST, ranked
from .known import Sampled
from .redisclient import RedisClient

__all__ = ["DAYS", "FUNCTION", "Sample", "day_name", "days", "latest", "of_day", "read", "shadow_name", "told"]

DAYS = 30
_DAY_NS = 86_400_000_000_000
_DAY = "day:"
FUNCTION = """
local function sample(name, turn, body, rank, most, days, day, kept, begin)
  redis.call('HSET', name, turn, body)
  redis.call('ZADD', name .. ':order', rank, turn)
  for _, gone in ipairs(redis.call('ZRANGE', name .. ':order', most, -1)) do
    redis.call('HDEL', name, gone)
    redis.call('ZREM', name .. ':order', gone)
  end
  if days ~= '' then
    redis.call('ZADD', days, day, day)
    for _, old in ipairs(redis.call('ZRANGE', days, 0, -tonumber(kept) - 1)) do
      redis.call('DEL', begin .. old, begin .. old .. ':order')
      redis.call('ZREM', days, old)
    end
  end
end
"""
"""In Lua: puts a turn into a sample, as `told` says."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Turns drawn evenly from about `turns`."""

    seen: tuple[Observation, ...]
    turns: int


def day_name(server: str, at_ns: int) -> str:
    """The sample of a server's turns on the day (UTC) of that moment."""
    return of_day(server, at_ns // _DAY_NS)


def of_day(server: str, day: int) -> str:
    """`day`: since the Unix epoch."""
    return f"{_DAY}{quote(server, safe='')}:{day}"


def shadow_name(model_id: str) -> str:
    return f"shadow:{quote(model_id, safe='')}"


def told(prefix: str, sampled: Sampled) -> tuple[str | bytes | int, ...]:
    """The nine arguments of FUNCTION; `prefix`: that of all samples."""
    rank, turn = ranked(sampled.turn)
    days, day, begin = "", "", ""
    if sampled.sample.startswith(_DAY):
        server, day = sampled.sample.removeprefix(_DAY).rsplit(":", 1)
        days, begin = f"{prefix}:days:{server}", f"{prefix}:{_DAY}{server}:"
    return f"{prefix}:{sampled.sample}", turn, sampled.body, rank, MOST, days, day, DAYS, begin


async def read(client: RedisClient, names: Sequence[str]) -> list[Sample]:
    """The samples of these names, empty where there is none; observations of other features are left out."""
    async with client.pipeline() as pipe:
        for name in names:
            pipe.hgetall(client.name("sample", name))
            pipe.zrange(client.name("sample", name, "order"), -1, -1, withscores=True)
        answers = await pipe.execute()
    return [_sample(kept, largest) for kept, largest in zip(answers[::2], answers[1::2], strict=True)]


async def days(client: RedisClient, servers: Sequence[str]) -> list[list[int]]:
    """For each server the days (since the Unix epoch) that it has samples of, in order."""
    async with client.pipeline() as pipe:
        for server in servers:
            pipe.zrange(client.name("sample", "days", quote(server, safe="")), 0, -1)
        return [[int(day) for day in found] for found in await pipe.execute()]


async def latest(client: RedisClient, servers: Iterable[str]) -> dict[str, Latest]:
    """By server how rare its normal turns of the latest two days were; what raised something counts once it turned out
    to be normal."""
    known = sorted(servers)
    each_days = zip(known, await days(client, known), strict=True)
    wanted = [(server, day) for server, found in each_days for day in found[-2:]]
    seen = await read(client, [of_day(server, day) for server, day in wanted])
    each: dict[str, list[tuple[bytes, float]]] = {}
    for (server, _), sample in zip(wanted, seen, strict=True):
        normal = [(one.principal, one.p) for one in sample.seen if not one.raised and not np.isnan(one.p)]
        each.setdefault(server, []).extend(normal)
    return {server: Latest(found) for server, found in each.items()}


def _sample(kept: Mapping[bytes, bytes], largest: Sequence[tuple[Any, float]]) -> Sample:
    seen = tuple(one for _, body in sorted(kept.items()) if (one := unpack(body)) is not None)
    full = len(kept) >= MOST and largest and largest[0][1] > 0
    return Sample(seen, round((MOST - 1) / (largest[0][1] / (1 << 48))) if full else len(kept))
