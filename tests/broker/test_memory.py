"""The store in memory answers what the one in Redis answers."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from triptych.models.baseline import turn_keys
from triptych.models.history import principal_of, reduced, session_of, to_json
from triptych.models.testing_traffic import sessions
from triptych.streams.known import Bounds, Known, Learn, Remember, Wanted
from triptych.streams.memory import MemoryStore
from triptych.streams.store import RedisStore
from triptych.streams.trainer import Trainer

pytestmark = pytest.mark.broker

TURNS = sessions(45)
KEYS = tuple(dict.fromkeys(key for turn in TURNS for key in turn_keys(turn.calls, "files")))


def writes() -> list[Learn | Remember]:
    made: list[Learn | Remember] = []
    for number, turn in enumerate(TURNS):
        started = turn.calls[0].started_ns
        made.append(
            Learn(
                server="files",
                session=session_of(turn),
                principal=principal_of(turn),
                keys=turn_keys(turn.calls, "files", learned=True),
                seen_ns=started,
                counts=number % 7 != 0,
            )
        )
        made.append(Remember(turn=turn.key, started_ns=started, body=to_json(reduced(turn))))
    return made


async def test_both_stores_answer_the_same_after_the_same_writes(redis_url: str) -> None:
    live, memory = RedisStore(redis_url, tenant=uuid.uuid4().hex), MemoryStore()
    for store in (live, memory):
        await store.apply(writes())
        await store.apply(writes()[:20])
    wanted = Wanted({"files": (*KEYS, "never seen"), "other": KEYS[:1]})
    assert await memory.lookup(wanted) == await live.lookup(wanted)
    assert await memory.sessions() == await live.sessions()
    assert {turn.key for turn in await memory.turns()} == {turn.key for turn in await live.turns()}
    await live.close()


async def test_a_model_is_trained_in_memory_as_a_worker_trains_it(redis_url: str) -> None:
    live, memory = RedisStore(redis_url, tenant=uuid.uuid4().hex), MemoryStore()
    for store in (live, memory):
        await store.apply([replace(write, counts=True) if isinstance(write, Learn) else write for write in writes()])
    ours, theirs = await Trainer(memory).run_if_due(), await Trainer(live).run_if_due()
    assert ours is not None
    assert theirs is not None
    assert ours.manifest.model_id == theirs.manifest.model_id
    assert await Trainer(memory).run_if_due() is None
    await live.close()


async def test_what_was_seen_longest_ago_goes_first() -> None:
    memory = MemoryStore(bounds=Bounds(facts=1_000, turns=100))
    for second in range(1_200):
        learn = Learn(server="s", session="a", principal="p", keys=(f"k{second}",), seen_ns=second * 10**9)
        await memory.apply([learn, Remember(turn=f"t{second}", started_ns=second, body=b"")])
    known: Known = await memory.lookup(Wanted({"s": ("k199", "k200", "k1199")}))
    assert [known.views["s"].support(key).sessions for key in ("k199", "k200", "k1199")] == [0, 1, 1]
    assert sorted(memory._turns) == sorted(f"t{second}" for second in range(1_100, 1_200))
