"""What calls add to the windows of rules, and what is read back of them: bounded memory here, sorted sets in Redis.

Pure but for the commands it puts into the store's pipeline: the sightings of a batch are written to a place and the
place is read in one step, so of two workers the later one sees both. Writing twice is writing once.

Names, under the store's prefix: `sightings:<rule>:<by>:<digest of the entity>`, a sorted set: sighting -> microseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import orjson

from ..models.detections.engine import Addition, Content, Key, Memory, Place, Told, Windowed, content, member
from ..models.events import Call
from .redisclient import Pipeline

__all__ = ["Seeing", "Sightings", "answer", "ask", "merged", "write"]

_ENTITIES = 4_096  # whose hits of this worker are not yet in an answer
_SLACK_S = 86_400
_READ = 16_384  # sightings that need not be parsed again; half a KiB each
_AT_ONCE = 64  # places that Redis takes before it listens to others
_NOTHING = 1 << 30  # so many sightings are nowhere, so nothing is read
_TAKE = """
local answers = {}
for place, key in ipairs(KEYS) do
  local told = string.gmatch(ARGV[place], '[^\\n]+')
  local most, keep, least, after, last, since = told(), told(), tonumber(told()), told(), told(), told()
  local dropped, added = 0, false
  for at in told do
    redis.call('ZADD', key, 'LT', at, told())
    added = true
  end
  if added then
    dropped = redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
    redis.call('EXPIRE', key, keep)
  end
  answers[place] = {}
  if redis.call('ZCOUNT', key, after, last) >= least - dropped then
    answers[place] = redis.call('ZRANGE', key, since, '+inf', 'BYSCORE', 'WITHSCORES')
  end
end
return answers
"""
"""Of each place: its newest sightings stay, what is not heard of for longer than a window looks back is forgotten, and
it is read only where there are enough around what was added to complete anything (models' Reach says how many)."""


class Seeing(Protocol):
    """What models.detections.engine.Rulebook does with windows."""

    def additions(self, call: Call, told: Told | None = None) -> tuple[Addition, ...]: ...
    def watch(self, call: Call, windows: Mapping[Place, Content], told: Told | None = None) -> Windowed: ...
    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Iterable[str]) -> Windowed: ...


class Sightings:
    """The windows of one co-partition."""

    def __init__(self, rules: Seeing) -> None:
        self._rules = rules
        self._told = Told()
        self._mine = Memory(_ENTITIES)

    def wanted(self, calls: Iterable[Call]) -> tuple[Addition, ...]:
        """What these calls add to windows and must know of them, one a place."""
        return merged(addition for call in calls for addition in self._rules.additions(call, self._told))

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """What the windows say of a call; `windows` answers what was wanted of it."""
        return self._rules.watch(call, windows, self._told)

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Sequence[str]) -> Windowed:
        """What the windows that count hits say, now that `hits` are known of the call."""
        known = {**windows, **self._mine.over(windows)} if hits else windows
        said = self._rules.follow(call, known, hits)
        for addition in said.additions:
            self._mine.add(addition)
        return said


def merged(additions: Iterable[Addition]) -> tuple[Addition, ...]:
    """One addition a place, of all of them together."""
    places: dict[Place, Addition] = {}
    for addition in additions:
        known = places.get(addition.place)
        places[addition.place] = addition if known is None else _both(known, addition)
    return tuple(places.values())


def _both(one: Addition, other: Addition) -> Addition:
    members = dict(one.members)
    for key, at_us in other.members.items():
        members[key] = min(at_us, members.get(key, at_us))
    first, last = min(one.first_us, other.first_us), max(one.last_us, other.last_us)
    return one._replace(members=members, first_us=first, last_us=last)


def ask(pipe: Pipeline, prefix: str, additions: Sequence[Addition]) -> None:
    """Write all of them, and read what of their places matters to them."""
    for few in _groups(additions):
        keys = [_key(prefix, addition.place) for addition in few]
        pipe.eval(_TAKE, len(keys), *keys, *map(_told, few))


def answer(additions: Sequence[Addition], answers: Iterator[Any]) -> Mapping[Place, Content]:
    """By place; takes as many answers as commands were put into the pipeline."""
    read: dict[Place, Content] = {}
    for few in _groups(additions):
        for addition, told in zip(few, next(answers), strict=True):
            members = zip(told[::2], told[1::2], strict=True)
            read[addition.place] = content((_key_of(body), int(at_us)) for body, at_us in members)
    return read


def write(pipe: Pipeline, prefix: str, addition: Addition) -> None:
    """What is not read."""
    pipe.eval(_TAKE, 1, _key(prefix, addition.place), _told(addition, read=False))


def _groups(additions: Sequence[Addition]) -> Iterator[Sequence[Addition]]:
    return (additions[at : at + _AT_ONCE] for at in range(0, len(additions), _AT_ONCE))


def _told(addition: Addition, *, read: bool = True) -> bytes:
    """What the script is told of one place, a line for each: an argument for each costs twice as much. No line break
    stands in a member, which is JSON."""
    reach, (after, until) = addition.reach, addition.around
    least = reach.least if read else _NOTHING
    lines = [b"%d\n%d\n%d" % (reach.most, reach.keep_s + _SLACK_S, least)]
    lines.append(b"(%d\n%d\n%d" % (after, until, addition.since_us))
    lines += [b"%d\n%b" % (at_us, member(key)) for key, at_us in addition.members.items()]
    return b"\n".join(lines)


@lru_cache(_READ)
def _key_of(body: bytes) -> Key:
    step, name, facets = orjson.loads(body)
    return step, name, tuple((key, value) for key, value in facets)


@lru_cache(_ENTITIES)
def _key(prefix: str, place: Place) -> str:
    entity = hashlib.blake2b(place.entity.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{prefix}:{place.rule}:{place.by}:{entity}"
