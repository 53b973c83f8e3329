"""What calls add to the windows of rules, and what is read back of them: bounded memory here, sorted sets in Redis.

Pure but for the commands it puts into the store's pipeline: every sighting of a batch is written before any window of
it is read, so of two workers the later one sees both. Writing twice is writing once.

Names, under the store's prefix: `sightings:<rule>:<by>:<digest of the entity>`, a sorted set: sighting -> microseconds.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..models.detections.engine import Content, Memory, Place, Sight, Windowed, content
from ..models.events import Call
from .redisclient import Pipeline

__all__ = ["Seeing", "Sightings", "answer", "ask", "merged", "write"]

_REMEMBERED = 32_768  # equal sightings of one grain that need not be told again
_ENTITIES = 4_096  # whose hits of this worker are not yet in an answer
_ASKED = 4_096  # calls that were looked up and not yet judged
_SLACK_S = 86_400
_COMMANDS = 3  # to write one sight


class Seeing(Protocol):
    """What models.detections.engine.Rulebook does with windows."""

    def sights(self, call: Call) -> tuple[Sight, ...]: ...
    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed: ...
    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Iterable[str]) -> Windowed: ...


class Sightings:
    """The windows of one co-partition."""

    def __init__(self, rules: Seeing) -> None:
        self._rules = rules
        self._told: OrderedDict[tuple[Place, bytes], None] = OrderedDict()
        self._asked: OrderedDict[int, tuple[Call, tuple[Sight, ...]]] = OrderedDict()
        self._mine = Memory(_ENTITIES)

    def wanted(self, calls: Iterable[Call]) -> tuple[Sight, ...]:
        """What these calls add to windows and must know of them, one a place."""
        return merged(sight for call in calls for sight in self._ask(call))

    def _ask(self, call: Call) -> tuple[Sight, ...]:
        sights = tuple(sight for sight in self._rules.sights(call) if not self._known(sight))
        self._asked[id(call)] = (call, tuple(sight for sight in sights if sight.grained))
        if len(self._asked) > _ASKED:
            self._asked.popitem(last=False)
        return sights

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """What the windows say of a call; `windows` answers what was wanted of it."""
        said = self._rules.watch(call, windows)
        asked, sights = self._asked.pop(id(call), (None, ()))
        for sight in sights if asked is call else ():
            if sight.place in windows:
                self._told.update(((sight.place, body), None) for body in sight.members)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return said

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Sequence[str]) -> Windowed:
        """What the windows that count hits say, now that `hits` are known of the call."""
        known = {**windows, **self._mine.over(windows)}
        said = self._rules.follow(call, known, hits)
        for sight in said.sights:
            self._mine.add(sight)
        return said

    def _known(self, sight: Sight) -> bool:
        """Whether all of it was told within its grain, so that it was judged and adds nothing."""
        if not sight.grained:
            return False
        for body in sight.members:  # noqa: SIM110 - all() doubles the cost, and this runs for every sight of every call
            if (sight.place, body) not in self._told:
                return False
        return True


def merged(sights: Iterable[Sight]) -> tuple[Sight, ...]:
    """One sight a place, of all of them together."""
    places: dict[Place, Sight] = {}
    for sight in sights:
        known = places.get(sight.place)
        if known is not None:
            both = {**sight.members, **known.members}
            earliest = {body: min(at, sight.members.get(body, at)) for body, at in both.items()}
            sight = known._replace(members=earliest)  # noqa: PLW2901
        places[sight.place] = sight
    return tuple(places.values())


def ask(pipe: Pipeline, prefix: str, sights: Sequence[Sight]) -> None:
    """Write all of them, then read every place."""
    for sight in sights:
        write(pipe, prefix, sight)
    for sight in sights:
        pipe.zrange(_key(prefix, sight.place), 0, -1, withscores=True)


def answer(sights: Sequence[Sight], answers: Iterator[Any]) -> Mapping[Place, Content]:
    """By place; takes as many answers as commands were put into the pipeline."""
    for _ in range(_COMMANDS * sum(bool(sight.members) for sight in sights)):
        next(answers)
    return {sight.place: content(next(answers)) for sight in sights}


def write(pipe: Pipeline, prefix: str, sight: Sight) -> None:
    """The newest stay; what is not heard of for longer than a window looks back is forgotten."""
    if sight.members:
        key = _key(prefix, sight.place)
        pipe.zadd(key, dict(sight.members), lt=True)
        pipe.zremrangebyrank(key, 0, -sight.most - 1)
        pipe.expire(key, sight.keep_s + _SLACK_S)


def _key(prefix: str, place: Place) -> str:
    entity = hashlib.blake2b(place.entity.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{prefix}:{place.rule}:{place.by}:{entity}"
