"""Findings in Redis, by what they share: the whole of every group, whichever worker took its parts.

A finding is written before its group is read, so of two workers that take two parts at once the later one reads both.
Every write may be repeated, and order does not matter. What was not heard of for 30 days is forgotten.

Names, all under `triptych:<tenant>:incident:`
    f:<finding>            hash: revision, and whether it closes -> the finding as JSON
    l:<kind>:<digest>      sorted set: finding -> begin, milliseconds
    heads, merged          sets: findings that incidents were named after; those that were told to be part of another
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ..models.incidents.grouping import MOST, belong_together, first
from ..models.incidents.member import Link, Member, MemberError, Windows, from_json, newest, to_json
from .incidents import Gathered, Group, Merged
from .redisclient import RedisClient

__all__ = ["IncidentStore"]

_FORGOTTEN_S = 30 * 86_400
_ALWAYS = (-math.inf, math.inf)
_read = lru_cache(20 * MOST)(from_json)  # a group that grows is read again and again

Span = tuple[float, float]


class IncidentStore(RedisClient):
    """What the stage `incidents` asks. `windows` as in models.incidents."""

    def __init__(self, url: str, windows: Windows, *, tenant: str = "default", timeout_s: float = 5.0) -> None:
        super().__init__(url, tenant=tenant, timeout_s=timeout_s)
        self._windows = windows

    async def lookup(self, wanted: Sequence[Member]) -> Gathered:
        """Hold these findings, and answer with the group of each. A full group is not read again for what else would
        belong to it."""
        await self._hold(wanted)
        groups: dict[str, Group] = {}
        full: list[Group] = []
        for uid, member in {member.uid: member for member in wanted}.items():
            if uid in groups:
                continue
            if (group := self._of_full(member, full)) is not None:
                groups[uid] = group
                continue
            group = await self._group(uid)
            if group.members:  # else the server forgot it already, for want of memory
                groups.update(dict.fromkeys((one.uid for one in group.members), group))
            if len(group.members) >= MOST:
                full.append(group)
        return Gathered(groups)

    async def apply(self, writes: Sequence[Merged]) -> None:
        """Remember what was told. Doing it twice is doing it once."""
        if writes:
            async with self.pipeline() as pipe:
                pipe.sadd(self._key("merged"), *(write.finding_uid for write in writes))
                await pipe.execute()

    async def _hold(self, members: Sequence[Member]) -> None:
        async with self.pipeline() as pipe:
            for member in members:
                pipe.hset(self._key("f", member.uid), _field(member), to_json(member))
                pipe.expire(self._key("f", member.uid), _FORGOTTEN_S)
                for link in member.links():
                    pipe.zadd(self._link(link), {member.uid: member.started_ns // 1_000_000})
                    pipe.expire(self._link(link), _FORGOTTEN_S)
            await pipe.execute()

    async def _group(self, uid: str) -> Group:
        found: dict[str, Member] = {}
        asked, frontier = {uid}, [uid]
        covered: dict[Link, list[Span]] = {}
        while frontier:
            members = await self._members(frontier)
            found.update((member.uid, member) for member in members)
            if len(found) >= MOST:
                break  # what else belongs to a full group is not asked for
            near = await self._near(members, covered)
            frontier = [other for other in near if other not in asked][: MOST - len(found)]
            asked.update(frontier)
        return await self._named(tuple(found.values()))

    def _of_full(self, member: Member, full: Iterable[Group]) -> Group | None:
        for group in full:
            if any(belong_together(member, other, self._windows) for other in group.members):
                return group
        return None

    async def _members(self, uids: Sequence[str]) -> list[Member]:
        """The newest revision of each; what was forgotten or cannot be read is left out."""
        async with self.pipeline() as pipe:
            for uid in uids:
                pipe.hgetall(self._key("f", uid))
            answers = await pipe.execute()
        return [member for revisions in answers if (member := _newest(revisions.values())) is not None]

    async def _near(self, members: Iterable[Member], covered: dict[Link, list[Span]]) -> list[str]:
        """Findings that share something with these within its window, where that was not `covered` before."""
        async with self.pipeline() as pipe:
            for link, spans in self._spans(members).items():
                known = covered.setdefault(link, [])
                for span in spans:
                    if not any(begin <= span[0] and span[1] <= end for begin, end in known):
                        known.append(span)
                        pipe.zrangebyscore(self._link(link), *span, start=0, num=MOST)
            answers = await pipe.execute()
        return sorted({uid.decode() for answer in answers for uid in answer})

    def _spans(self, members: Iterable[Member]) -> dict[Link, list[Span]]:
        """The times around these findings, milliseconds, by what they share: many share the same."""
        spans: dict[Link, list[Span]] = {}
        for member in sorted(members, key=lambda member: member.started_ns):
            for link in member.links():
                window, of_link = self._windows.of(link.kind), spans.setdefault(link, [])
                begin, end = _ALWAYS if window is None else _around(member.started_ns, window)
                if of_link and begin <= of_link[-1][1]:
                    of_link[-1] = (of_link[-1][0], end)
                else:
                    of_link.append((begin, end))
        return spans

    async def _named(self, members: tuple[Member, ...]) -> Group:
        """The group with its former names. Its name is remembered before it is told, so that none is forgotten."""
        if not members:
            return Group(())
        head = first(members).uid
        async with self.pipeline() as pipe:
            pipe.sadd(self._key("heads"), head)
            pipe.smismember(self._key("heads"), [member.uid for member in members])
            pipe.smismember(self._key("merged"), [member.uid for member in members])
            _, named, told = await pipe.execute()
        each = zip(members, named, told, strict=True)
        former = tuple(member.uid for member, was, is_told in each if was and not is_told and member.uid != head)
        return Group(members, former)

    def _link(self, link: Link) -> str:
        return self._key("l", link.kind, hashlib.blake2b(link.value.encode(), digest_size=12).hexdigest())

    def _key(self, *parts: str) -> str:
        return self.name("incident", *parts)


def _around(at_ns: int, window_ns: int) -> Span:
    return (at_ns - window_ns) // 1_000_000, (at_ns + window_ns) // 1_000_000


def _field(member: Member) -> str:
    return f"{member.sequence}{'/closed' * member.closed}"


def _newest(revisions: Iterable[bytes]) -> Member | None:
    members = []
    for body in revisions:
        try:
            members.append(_read(body))
        except MemberError:
            continue
    return newest(members) if members else None
