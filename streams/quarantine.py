"""Turns that raised something, in Redis, until somebody says what they were.

`false` on all findings of a turn lets it teach what it would have taught; `true` on any of them keeps it out for good,
and what was unusual about it is not learned from other turns either, until that word is taken back. Without a word,
what only the score found unusual is learned once three principals did the same. Every step may be repeated, in any
order: a verdict on a turn that is not here yet waits for it, and what comes later of a turn that is here does not teach
by itself. Bounded by what was seen longest ago.

Names, under the store's prefix:
    quarantine:turns, quarantine:order             hash turn -> record; sorted set turn -> seconds
    quarantine:by:<finding>, quarantine:like:<name>  set of turns; hash turn -> principal
    findings:last, findings:order                  hash finding -> last revision (Avro); sorted set finding -> seconds
    verdicts:by, verdicts:order                    hash finding -> verdict; sorted set finding -> seconds
    base:<server>:denied                           hash: fact that is not learned -> the turn that showed it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from ..models import wire
from ..models.errors import WireError
from ..models.events import Alert
from ..models.feedback import FeedbackError, Verdict, enough, parse, to_json
from .held import HeldError, from_json
from .held import to_json as held_to_json
from .known import Learn, Quarantine, Remember, Sampled, Told
from .redisclient import Pipeline, RedisClient, now

__all__ = ["Quarantined", "Verdicts"]

_S = 1_000_000_000
_MOST = 5_000  # turns and findings, each
_MOST_VERDICTS = 50_000
Teach = Callable[[Sequence[Learn | Remember | Sampled]], Awaitable[None]]


class Quarantined:
    """`teach` learns what is released."""

    def __init__(self, client: RedisClient, teach: Teach) -> None:
        self._client = client
        self._teach = teach
        self._codec = wire.bundled()

    def hold(self, pipe: Pipeline, write: Quarantine | Told) -> None:
        """Queue what keeps a turn, or a finding, here."""
        if isinstance(write, Told):
            uid = write.alert.finding_uid
            self._put(pipe, ("findings", "last"), uid, self._codec.encode(write.alert), write.alert.wall_ns)
            return
        self._put(pipe, ("quarantine", "turns"), write.turn, held_to_json(write), write.seen_ns)
        for uid in write.findings:
            pipe.sadd(self._name("quarantine", "by", uid), write.turn)
        if write.by_score:
            pipe.hset(self._name("quarantine", "like", write.alike), write.turn, write.principal)

    async def settle(self, writes: Iterable[Quarantine | Told]) -> None:
        """Do what was said of these turns before they came, or what enough principals say; forget what is too much."""
        writes = list(writes)
        held = [write for write in writes if isinstance(write, Quarantine)]
        for write in held:
            await self._decide(write)
            if write.by_score:
                await self._count(write.alike)
        if held:
            await self._forget_turns()
        if writes:
            await self._trim("findings", "last", _MOST)

    async def judged(self, verdict: Verdict) -> int:
        """Take a verdict; how many turns it was about. Of two on one finding the later one stands."""
        before = await self._verdicts((verdict.finding_uid,))
        if any(one.wall_ns > verdict.wall_ns for one in before.values()):
            verdict = before[verdict.finding_uid]
        async with self._client.pipeline() as pipe:
            self._put(pipe, ("verdicts", "by"), verdict.finding_uid, to_json(verdict), verdict.wall_ns)
            pipe.smembers(self._name("quarantine", "by", verdict.finding_uid))
            turns = sorted((await pipe.execute())[2])
        for held in await self._held(turns):
            await self._decide(held)
        await self._trim("verdicts", "by", _MOST_VERDICTS)
        return len(turns)

    async def last(self, uids: Sequence[str]) -> dict[str, Alert]:
        """The last revisions of these findings, of those that are known."""
        found: dict[str, Alert] = {}
        for uid, body in zip(uids, await self._all("findings", "last", uids), strict=True):
            try:
                if body is not None:
                    found[uid] = self._codec.decode(body, Alert)
            except WireError:
                continue  # written by another version: it is told again with its next revision
        return found

    async def _decide(self, held: Quarantine) -> None:
        said = await self._verdicts(held.findings)
        if any(verdict.is_true for verdict in said.values()):
            await self._deny(held)
        elif len(said) == len(held.findings):
            await self._release(held)

    async def _count(self, alike: str) -> None:
        async with self._client.guard():
            who = await now(self._client.redis.hgetall(self._name("quarantine", "like", alike)))
        if enough(principal.decode() for principal in who.values()):
            for held in await self._held(sorted(who)):
                said = await self._verdicts(held.findings)
                if not any(verdict.is_true for verdict in said.values()):
                    await self._release(held)

    async def _deny(self, held: Quarantine) -> None:
        """It is forgotten for training as well, should it have been released before."""
        async with self._client.pipeline() as pipe:
            for server, facts in held.unusual.items():
                pipe.hset(self._client.base(server, "denied"), mapping=dict.fromkeys(facts, held.turn))
            pipe.hdel(self._name("turns"), held.turn)
            pipe.zrem(self._name("turns", "order"), held.turn)
            await pipe.execute()

    async def _release(self, held: Quarantine) -> None:
        await self._allow(held)
        await self._teach(held.lessons)

    async def _allow(self, held: Quarantine) -> None:
        """Take back what this turn denied; what another turn denied stays."""
        servers = list(held.unusual.items())
        async with self._client.pipeline() as pipe:
            for server, facts in servers:
                pipe.hmget(self._client.base(server, "denied"), list(facts))
            answers = await pipe.execute() if servers else []
        async with self._client.pipeline() as pipe:
            for (server, facts), turns in zip(servers, answers, strict=True):
                own = [fact for fact, turn in zip(facts, turns, strict=True) if turn == held.turn.encode()]
                if own:
                    pipe.hdel(self._client.base(server, "denied"), *own)
            await pipe.execute()

    async def _verdicts(self, uids: Sequence[str]) -> dict[str, Verdict]:
        found = {}
        for uid, body in zip(uids, await self._all("verdicts", "by", uids), strict=True):
            try:
                if body is not None:
                    found[uid] = parse(body)
            except FeedbackError:
                continue  # written by another version, and said again by whoever means it
        return found

    async def _held(self, turns: Sequence[bytes]) -> list[Quarantine]:
        found = []
        for body in await self._all("quarantine", "turns", turns):
            try:
                if body is not None:
                    found.append(from_json(body))
            except HeldError:
                continue  # of another version: forgotten with age
        return found

    async def _all(self, kind: str, what: str, names: Sequence[Any]) -> list[bytes | None]:
        if not names:
            return []
        async with self._client.guard():
            return cast(list[bytes | None], await now(self._client.redis.hmget(self._name(kind, what), list(names))))

    async def _forget_turns(self) -> None:
        async with self._client.guard():
            gone = await now(self._client.redis.zrange(self._name("quarantine", "order"), 0, -_MOST - 1))
        if not gone:
            return
        async with self._client.pipeline(whole=True) as pipe:
            for held in await self._held(gone):
                for uid in held.findings:
                    pipe.srem(self._name("quarantine", "by", uid), held.turn)
                pipe.hdel(self._name("quarantine", "like", held.alike), held.turn)
            pipe.hdel(self._name("quarantine", "turns"), *gone)
            pipe.zrem(self._name("quarantine", "order"), *gone)
            await pipe.execute()

    async def _trim(self, kind: str, what: str, most: int) -> None:
        async with self._client.guard():
            gone = await now(self._client.redis.zrange(self._name(kind, "order"), 0, -most - 1))
        if gone:
            async with self._client.pipeline(whole=True) as pipe:
                pipe.hdel(self._name(kind, what), *gone)
                pipe.zrem(self._name(kind, "order"), *gone)
                await pipe.execute()

    def _put(self, pipe: Pipeline, place: tuple[str, str], name: str, body: bytes, at_ns: int) -> None:
        pipe.hset(self._name(*place), name, cast(str, body))
        pipe.zadd(self._name(place[0], "order"), {name: at_ns // _S})

    def _name(self, *parts: str) -> str:
        return self._client.name(*parts)


class Verdicts:
    """What the stage `feedback` asks and tells."""

    def __init__(self, quarantined: Quarantined) -> None:
        self._quarantined = quarantined

    async def lookup(self, wanted: Sequence[str]) -> Mapping[str, Alert]:
        return await self._quarantined.last(wanted)

    async def apply(self, writes: Sequence[Verdict]) -> None:
        """Take the verdicts, in their order. Doing it twice is doing it once."""
        for verdict in writes:
            await self._quarantined.judged(verdict)
