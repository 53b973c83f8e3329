"""What hygiene shares, in a real Redis: read back as it was written, as in memory."""

from __future__ import annotations

import uuid

import pytest

from triptych.models.hygiene import Hygiene, Limits, News, Note
from triptych.models.testing import START_NS
from triptych.streams.known import Wanted
from triptych.streams.memory import MemoryStore
from triptych.streams.redisclient import now
from triptych.streams.store import RedisStore

pytestmark = pytest.mark.broker


async def test_redis_and_memory_hold_the_same_ledger(redis_url: str) -> None:
    hygiene = Hygiene()
    news = News(
        uid="trp-1", keys=("k",), server="files:1/x", entity="w", rule="r", severity=3, layers=3, at_ns=START_NS
    )
    assert hygiene.place(news) is None
    hygiene.told(news, 1)
    notes, names = hygiene.drain(), hygiene.names(["files:1/x"], [START_NS])
    redis, memory = RedisStore(redis_url, tenant=uuid.uuid4().hex), MemoryStore()
    try:
        for store in (redis, memory):
            await store.apply(notes)
            await store.apply(notes)
        held = (await redis.lookup(Wanted(ledger=names))).ledger
        assert held == (await memory.lookup(Wanted(ledger=names))).ledger
        other = Hygiene()
        other.ledger.learn(held)
        assert other.sequence("trp-1") == 1
        assert other.ledger.claim("files:1/x", "k", START_NS) == ("trp-1", START_NS, Limits().window_ns)
    finally:
        await redis.close()


async def test_only_what_changed_is_read_again(redis_url: str) -> None:
    tenant, wanted = uuid.uuid4().hex, Wanted(ledger=("told:a:1", "told:b:1"))
    ours, theirs = RedisStore(redis_url, tenant=tenant), RedisStore(redis_url, tenant=tenant)
    try:
        await theirs.apply([Note("told:a:1", "told/x", b"[1]"), Note("told:b:1", "told/y", b"[2]")])
        first = (await ours.lookup(wanted)).ledger
        assert first == {"told:a:1": {"told/x": b"[1]"}, "told:b:1": {"told/y": b"[2]"}}
        await theirs.apply([Note("told:a:1", "told/x", b"[1]"), Note("told:a:1", "told/z", b"[3]")])
        second = (await ours.lookup(wanted)).ledger
        assert second["told:a:1"] == {"told/x": b"[1]", "told/z": b"[3]"}
        assert second["told:b:1"] is first["told:b:1"]
        assert first["told:a:1"] == {"told/x": b"[1]"}
    finally:
        await ours.close()
        await theirs.close()


async def test_a_redis_that_forgot_is_read_from_the_beginning(redis_url: str) -> None:
    tenant, wanted = uuid.uuid4().hex, Wanted(ledger=("told:a:1",))
    store = RedisStore(redis_url, tenant=tenant)
    try:
        await store.apply([Note("told:a:1", "told/x", b"[1]"), Note("told:a:1", "told/y", b"[2]")])
        await store.lookup(wanted)
        for name in await now(store.redis.keys(f"triptych:{tenant}:*")):
            await store.redis.delete(name)
        await store.apply([Note("told:a:1", "told/z", b"[3]")])
        assert (await store.lookup(wanted)).ledger == {"told:a:1": {"told/z": b"[3]"}}
    finally:
        await store.close()
