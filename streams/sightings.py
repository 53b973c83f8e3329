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

from ..models.detections.engine import Addition, Content, Memory, Place, Windowed, content
from ..models.events import Call
from .redisclient import Pipeline

__all__ = ["Seeing", "Sightings", "answer", "ask", "merged", "write"]

_REMEMBERED = 32_768  # equal sightings of one grain that need not be told again
_ENTITIES = 4_096  # whose hits of this worker are not yet in an answer
_ASKED = 4_096  # calls that were looked up and not yet judged
_SLACK_S = 86_400
_COMMANDS = 3  # to write one addition


class Seeing(Protocol):
    """What models.detections.engine.Rulebook does with windows."""

    def additions(self, call: Call) -> tuple[Addition, ...]: ...
    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed: ...
    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Iterable[str]) -> Windowed: ...


class Sightings:
    """The windows of one co-partition."""

    def __init__(self, rules: Seeing) -> None:
        self._rules = rules
        self._told: OrderedDict[tuple[Place, bytes], None] = OrderedDict()
        self._asked: OrderedDict[int, tuple[Call, tuple[Addition, ...]]] = OrderedDict()
        self._mine = Memory(_ENTITIES)

    def wanted(self, calls: Iterable[Call]) -> tuple[Addition, ...]:
        """What these calls add to windows and must know of them, one a place."""
        return merged(addition for call in calls for addition in self._ask(call))

    def _ask(self, call: Call) -> tuple[Addition, ...]:
        additions = tuple(addition for addition in self._rules.additions(call) if not self._known(addition))
        self._asked[id(call)] = (call, tuple(addition for addition in additions if addition.grained))
        if len(self._asked) > _ASKED:
            self._asked.popitem(last=False)
        return additions

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """What the windows say of a call; `windows` answers what was wanted of it."""
        said = self._rules.watch(call, windows)
        asked, additions = self._asked.pop(id(call), (None, ()))
        for addition in additions if asked is call else ():
            if addition.place in windows:
                self._told.update(((addition.place, body), None) for body in addition.members)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return said

    def follow(self, call: Call, windows: Mapping[Place, Content], hits: Sequence[str]) -> Windowed:
        """What the windows that count hits say, now that `hits` are known of the call."""
        known = {**windows, **self._mine.over(windows)}
        said = self._rules.follow(call, known, hits)
        for addition in said.additions:
            self._mine.add(addition)
        return said

    def _known(self, addition: Addition) -> bool:
        """Whether all of it was told within its grain, so that it was judged and adds nothing."""
        if not addition.grained:
            return False
        for body in addition.members:  # noqa: SIM110 - all() doubles the cost, and this runs for every addition of every call
            if (addition.place, body) not in self._told:
                return False
        return True


def merged(additions: Iterable[Addition]) -> tuple[Addition, ...]:
    """One addition a place, of all of them together."""
    places: dict[Place, Addition] = {}
    for addition in additions:
        known = places.get(addition.place)
        if known is not None:
            both = {**addition.members, **known.members}
            earliest = {body: min(at, addition.members.get(body, at)) for body, at in both.items()}
            addition = known._replace(members=earliest)  # noqa: PLW2901
        places[addition.place] = addition
    return tuple(places.values())


def ask(pipe: Pipeline, prefix: str, additions: Sequence[Addition]) -> None:
    """Write all of them, then read every place."""
    for addition in additions:
        write(pipe, prefix, addition)
    for addition in additions:
        pipe.zrange(_key(prefix, addition.place), 0, -1, withscores=True)


def answer(additions: Sequence[Addition], answers: Iterator[Any]) -> Mapping[Place, Content]:
    """By place; takes as many answers as commands were put into the pipeline."""
    for _ in range(_COMMANDS * sum(bool(addition.members) for addition in additions)):
        next(answers)
    return {addition.place: content(next(answers)) for addition in additions}


def write(pipe: Pipeline, prefix: str, addition: Addition) -> None:
    """The newest stay; what is not heard of for longer than a window looks back is forgotten."""
    if addition.members:
        key = _key(prefix, addition.place)
        pipe.zadd(key, dict(addition.members), lt=True)
        pipe.zremrangebyrank(key, 0, -addition.most - 1)
        pipe.expire(key, addition.keep_s + _SLACK_S)


def _key(prefix: str, place: Place) -> str:
    entity = hashlib.blake2b(place.entity.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{prefix}:{place.rule}:{place.by}:{entity}"
