"""Windows in a real Redis: the same sets as in memory, in one round trip, whatever the order and however often."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Call
from triptych.models.testing import call
from triptych.streams.known import Wanted
from triptych.streams.memory import MemoryStore
from triptych.streams.sightings import Sightings
from triptych.streams.store import RedisStore

pytestmark = pytest.mark.broker
RULES = Rulebook.load()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    made = RedisStore(redis_url, tenant=uuid.uuid4().hex)
    yield made
    await made.close()


def probes(count: int) -> list[Call]:
    made = (call("query", at_s=number, is_error=True, error_code=-32602) for number in range(count))
    return [replace(one, request_size=100 + number) for number, one in enumerate(made)]


async def test_redis_answers_as_memory_does(store: RedisStore) -> None:
    memory, draw = MemoryStore(), random.Random(1)
    told = [*probes(160), *probes(40)]
    draw.shuffle(told)
    for at in range(0, len(told), 9):
        additions = Sightings(RULES).wanted(told[at : at + 9])
        assert additions
        assert (await store.lookup(Wanted(additions=additions))).windows == (
            await memory.lookup(Wanted(additions=additions))
        ).windows


async def test_what_is_written_behind_the_outputs_is_read_the_next_time(store: RedisStore) -> None:
    additions = Sightings(RULES).wanted(probes(1))
    await store.apply(additions)
    await store.apply(additions)
    only_read = tuple(addition._replace(members={}) for addition in additions)
    answered = (await store.lookup(Wanted(additions=only_read))).windows
    assert [len(answered[addition.place].held) for addition in additions] == [
        len(addition.members) for addition in additions
    ]
