"""What hygiene shares, in a real Redis: read back as it was written, as in memory."""

from __future__ import annotations

import uuid

import pytest

from triptych.models.hygiene import Hygiene, Limits, News
from triptych.models.testing import START_NS
from triptych.streams.known import Wanted
from triptych.streams.memory import MemoryStore
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
