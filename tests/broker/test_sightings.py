"""Windows in a real Redis: the same sets as in memory, in one round trip, whatever the order and however often."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from triptych.models.detections.engine import Rulebook
from triptych.models.events import Call, HttpFact
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


def shown(number: int) -> Call:
    """Calls of a few clients with a few tools over hours, of which windows with a grain and a history ask."""
    draw = random.Random(number)
    http = HttpFact(session_digest=f"s{draw.randrange(3)}", user_agent=f"program/{draw.randrange(2)}")
    made = call(f"tool_{draw.randrange(9)}", at_s=draw.randrange(90_000), http=http)
    return replace(made, call_id=f"shown-{number}", conversation=f"c{draw.randrange(12)}", response_size=2**20)


@pytest.mark.parametrize("most", [5, 64])
async def test_redis_answers_as_memory_does(store: RedisStore, most: int) -> None:
    memory, draw = MemoryStore(), random.Random(1)
    told = [*probes(160), *probes(40), *map(shown, range(200))]
    draw.shuffle(told)
    read = 0
    for at in range(0, len(told), 9):
        wanted = Sightings(RULES).wanted(told[at : at + 9])
        additions = tuple(one._replace(reach=one.reach._replace(most=most)) for one in wanted)
        answered = (await store.lookup(Wanted(additions=additions))).windows
        assert answered == (await memory.lookup(Wanted(additions=additions))).windows
        read += sum(len(content.held) for content in answered.values())
    assert read > len(told)


async def test_what_is_written_behind_the_outputs_is_read_the_next_time(store: RedisStore) -> None:
    additions = Sightings(RULES).wanted(probes(1))
    await store.apply(additions)
    await store.apply(additions)
    only_read = tuple(one._replace(members={}, reach=one.reach._replace(least=1)) for one in additions)
    answered = (await store.lookup(Wanted(additions=only_read))).windows
    assert [len(answered[addition.place].held) for addition in additions] == [
        len(addition.members) for addition in additions
    ]


async def test_more_places_than_are_taken_at_once_are_answered_each(store: RedisStore) -> None:
    calls = [replace(one, conversation=f"c{number}") for number, one in enumerate(probes(150))]
    additions = Sightings(RULES).wanted(calls)
    assert len((await store.lookup(Wanted(additions=additions))).windows) == len(additions) > 150
