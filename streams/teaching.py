"""How lessons reach Redis: one script takes all of a batch, checks what may be learned and keeps the bounds.

What comes late of a turn that was set aside teaches nothing, and what an analyst's word keeps out is not learned. A
command for each fact would be as right and several times slower, nearly all of it in the client. The script builds the
names it writes, so it serves one Redis server with or without replicas, not a Redis cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence, Set
from urllib.parse import quote

from . import samples
from .known import Bounds, Learn, Remember, Sampled
from .redisclient import Pipeline

__all__ = ["teach"]

_BETWEEN = "\n"  # stands in no key: keys.key_of leaves no control character in them
_SCRIPT = (
    samples.FUNCTION
    + """
local root, facts, turns = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local at, grown, remembered = 4, {}, false
local function take(many)
  at = at + many
  return unpack(ARGV, at - many, at - 1)
end
local function held(turn) return turn ~= '' and redis.call('HEXISTS', root .. 'quarantine:turns', turn) == 1 end
local function learn(doubtful, server, quoted, session, principal, counts, seen, keys)
  if held(doubtful) then return end
  local base = root .. 'base:' .. quoted
  if counts == '1' then
    redis.call('SADD', root .. 'servers', server)
    redis.call('SADD', base .. ':sessions', session)
    redis.call('SADD', base .. ':principals', principal)
  end
  local denies = redis.call('EXISTS', base .. ':denied') == 1
  for key in string.gmatch(keys, '[^\\n]+') do
    if not (denies and redis.call('HEXISTS', base .. ':denied', key) == 1) then
      redis.call('SADD', base .. ':s:' .. key, session)
      redis.call('SADD', base .. ':p:' .. key, principal)
      redis.call('ZADD', base .. ':seen', 'GT', seen, key)
      grown[base] = true
    end
  end
end
local function remember(doubtful, turn, started, body)
  if held(doubtful) then return end
  redis.call('HSET', root .. 'turns', turn, body)
  redis.call('ZADD', root .. 'turns:order', started, turn)
  remembered = true
end
while at <= #ARGV do
  local kind = take(1)
  if kind == 'learn' then learn(take(8))
  elseif kind == 'remember' then remember(take(4))
  elseif not held(take(1)) then sample(take(9))
  else at = at + 9 end
end
for base, _ in pairs(grown) do
  for _, key in ipairs(redis.call('ZRANGE', base .. ':seen', 0, -facts - 1)) do
    redis.call('UNLINK', base .. ':s:' .. key, base .. ':p:' .. key)
    redis.call('ZREM', base .. ':seen', key)
  end
end
if remembered then
  for _, turn in ipairs(redis.call('ZRANGE', root .. 'turns:order', 0, -turns - 1)) do
    redis.call('HDEL', root .. 'turns', turn)
    redis.call('ZREM', root .. 'turns:order', turn)
  end
end
"""
)

Lesson = Learn | Remember | Sampled
Argument = str | bytes | int | float


def teach(
    pipe: Pipeline, root: str, lessons: Sequence[Lesson], bounds: Bounds, trusted: Set[str] | None = None
) -> None:
    """`trusted`: the turns whose lessons count even though they may be set aside; None for all."""
    if lessons:
        told = [argument for lesson in lessons for argument in _told(lesson, f"{root}sample", trusted)]
        pipe.eval(_SCRIPT, 0, root, bounds.facts, bounds.turns, *told)


def _told(lesson: Lesson, sample: str, trusted: Set[str] | None) -> Iterator[Argument]:
    """What the script is told of one lesson."""
    doubtful = "" if trusted is None or lesson.turn in trusted else lesson.turn
    if isinstance(lesson, Learn):
        yield from ("learn", doubtful, lesson.server, quote(lesson.server, safe=""))
        yield from (_member(lesson.session), _member(lesson.principal), int(lesson.counts))
        yield from (lesson.seen_ns // 1_000_000_000, _BETWEEN.join(lesson.keys))
    elif isinstance(lesson, Remember):
        yield from ("remember", doubtful, lesson.turn, lesson.started_ns // 1_000_000_000, lesson.body)
    else:
        yield from ("sample", doubtful, *samples.told(sample, lesson))


def _member(text: str) -> bytes:
    """64 bits that stand for a session or a principal."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
