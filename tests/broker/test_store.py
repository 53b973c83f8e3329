from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from triptych.models.baseline import Baseline, Support
from triptych.models.detections.engine import Rulebook
from triptych.models.errors import ConfigError
from triptych.models.events import AgentSpan, Call
from triptych.models.history import to_json
from triptych.models.model import Model, dump
from triptych.models.testing_traffic import sessions, theft
from triptych.models.turn import Turn
from triptych.streams.judgement import Judge, Judging
from triptych.streams.known import Known, Learn, Remember, Wanted
from triptych.streams.pins import Pin
from triptych.streams.redisclient import now
from triptych.streams.stage import StoreAwayError
from triptych.streams.store import Bounds, RedisStore
from triptych.streams.trainer import Trainer, step_of
from triptych.streams.turns import JudgeTimes, Turns

pytestmark = pytest.mark.broker
S = 1_000_000_000
Models = tuple[Model, Model, Model]
TRAFFIC = sessions(48)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    made = RedisStore(redis_url, tenant=uuid.uuid4().hex)
    yield made
    await made.close()


def learn(session: str, principal: str, *keys: str, at_s: int = 1, **values: object) -> Learn:
    return Learn(server="files", session=session, principal=principal, keys=keys, seen_ns=at_s * S, **values)  # type: ignore[arg-type]


async def view(store: RedisStore, *keys: str) -> Known:
    return await store.lookup(Wanted({"files": keys}))


async def test_applying_twice_counts_once(store: RedisStore) -> None:
    writes = [learn("s1", "ann", "a", "b"), learn("s2", "ann", "a"), learn("s3", "ben", "a")]
    for _ in range(2):
        await store.apply(writes)
    found = (await view(store, "a", "b", "c")).views["files"]
    assert (found.sessions, found.principals) == (3, 2)
    assert found.supports == {"a": Support(3, 2), "b": Support(1, 1), "c": Support()}
    assert found.known("a")
    assert not found.known("b")


async def test_lessons_are_one_command_however_many_facts_they_have(store: RedisStore) -> None:
    async def scripts() -> int:
        return (await store.redis.info("commandstats")).get("cmdstat_eval", {"calls": 0})["calls"]

    before = await scripts()
    facts = [f"fact-{number}" for number in range(300)]
    remembered = Remember(turn="t", started_ns=S, body=b"{}")
    await store.apply([learn("s1", "ann", *facts), learn("s2", "ben", *facts), remembered])
    assert await scripts() == before + 1
    assert (await view(store, *facts)).views["files"].supports == dict.fromkeys(facts, Support(2, 2))


async def test_the_store_answers_as_the_baseline_in_memory(store: RedisStore) -> None:
    known = Baseline("files")
    for number in range(20):
        keys = [f"key-{number % divisor}" for divisor in (2, 3, 5)]
        known.learn(f"s{number}", f"p{number % 4}", keys)
        await store.apply([learn(f"s{number}", f"p{number % 4}", *keys)])
    asked = [f"key-{number}" for number in range(6)]
    assert (await view(store, *asked)).views["files"] == known.view(asked)


async def test_tenants_and_servers_do_not_mix(store: RedisStore, redis_url: str) -> None:
    await store.apply([learn("s1", "ann", "a"), replace(learn("s1", "ann", "a"), server="files:s:a")])
    other = RedisStore(redis_url, tenant=uuid.uuid4().hex)
    assert (await view(other, "a")).views["files"].support("a") == Support()
    await other.close()
    assert (await view(store, "a")).views["files"].support("a") == Support(1, 1)


async def test_effects_without_a_call_are_facts_and_no_session(store: RedisStore) -> None:
    await store.apply([learn("workload", "workload", "a", counts=False)])
    found = (await view(store, "a")).views["files"]
    assert (found.sessions, found.support("a").sessions) == (0, 1)
    assert await store.sessions() == {}


async def test_what_was_seen_longest_ago_is_forgotten_first(redis_url: str) -> None:
    small = RedisStore(redis_url, tenant=uuid.uuid4().hex, bounds=Bounds(facts=1_000, turns=100))
    await small.apply([learn("s1", "ann", *(f"old-{number}" for number in range(600)), at_s=1)])
    await small.apply([learn("s2", "ben", *(f"new-{number}" for number in range(600)), at_s=2)])
    await small.apply([learn("s3", "ben", "old-0", at_s=1)])
    found = (await view(small, *(f"{age}-{n}" for age in ("old", "new") for n in range(600)))).views["files"]
    alive = [key for key in found.supports if found.support(key).sessions]
    assert len(alive) == 1_000
    assert sum(key.startswith("new") for key in alive) == 600
    await small.close()


async def test_turns_are_remembered_once_and_bounded(redis_url: str) -> None:
    small = RedisStore(redis_url, tenant=uuid.uuid4().hex, bounds=Bounds(facts=1_000, turns=100))
    writes = [Remember(turn=f"t{n}", started_ns=n * S, body=to_json(Turn(f"t{n}", ()))) for n in range(130)]
    for _ in range(2):
        await small.apply(writes)
    assert sorted(turn.key for turn in await small.turns()) == sorted(f"t{n}" for n in range(30, 130))
    await small.close()


async def test_a_remembered_turn_that_cannot_be_read_is_left_out(store: RedisStore) -> None:
    await store.apply([Remember(turn="t", started_ns=1, body=b"{"), Remember(turn="u", started_ns=1, body=b'{"v":9}')])
    assert await store.turns() == []


async def test_a_published_model_is_what_lookups_answer(store: RedisStore, models: Models) -> None:
    assert (await store.lookup(Wanted())).model is None
    model = models[0]
    await store.publish(model, {"files": 1})
    first = (await store.lookup(Wanted())).model
    assert first is not None
    assert dump(first) == dump(model)
    assert (await store.lookup(Wanted())).model is first
    assert await store.trained_steps() == {"files": 1}


async def test_a_model_with_a_flipped_byte_leaves_the_one_in_use_until_a_whole_one_comes(
    store: RedisStore, models: Models
) -> None:
    one, two, three = models
    await store.publish(one, {})
    in_use = (await store.lookup(Wanted())).model
    assert in_use is not None
    await store.publish(two, {})
    await flip(store, store.name("model", two.manifest.model_id, "npz"), at=5000)
    with capture_logs() as logs:
        assert [(await store.lookup(Wanted())).model for _ in range(3)] == [in_use] * 3
    assert [(log["event"], log["model"]) for log in logs] == [("model refused", two.manifest.model_id)]
    await store.publish(three, {})
    taken = (await store.lookup(Wanted())).model
    assert taken is not None
    assert taken.manifest.model_id == three.manifest.model_id


async def flip(store: RedisStore, name: str, at: int) -> None:
    (byte,) = await now(store.redis.getrange(name, at, at))
    await now(store.redis.setrange(name, at, bytes((byte ^ 1,))))


async def test_only_the_current_model_and_the_one_before_are_kept(
    store: RedisStore, redis_url: str, models: Models
) -> None:
    for model in (*models, models[-1]):
        await store.publish(model, {})
    client = redis.Redis.from_url(redis_url)
    kept = [await client.exists(store.name("model", model.manifest.model_id, "npz")) for model in models]
    await client.aclose()
    assert kept == [0, 1, 1]


async def test_a_store_that_is_away_is_told_as_such() -> None:
    away = RedisStore("unix:///nonexistent/redis.sock", timeout_s=0.2)
    for ask in (away.lookup(Wanted()), away.apply([learn("s", "p", "k")]), away.sessions(), away.turns()):
        with pytest.raises(StoreAwayError) as error:
            await ask
        assert error.value.code == "J01"
    assert await Trainer(away).run_if_due() is None
    await away.close()


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError):
        RedisStore("")
    with pytest.raises(ConfigError):
        Bounds(facts=1)


@pytest.mark.parametrize(
    ("sessions", "step"), [(0, 0), (39, 0), (40, 1), (59, 1), (60, 2), (90, 3), (135, 4), (202, 5)]
)
def test_training_is_due_at_forty_sessions_and_each_half_more(sessions: int, step: int) -> None:
    assert step_of(sessions) == step


async def _run(store: RedisStore, turns: Sequence[Turn], stage: Turns) -> list[object]:
    """Each turn as one chunk through the stage, then time enough to close it."""
    outputs: list[object] = []
    for turn in turns:
        records: list[Call | AgentSpan] = [*turn.calls, *turn.spans]
        known = await store.lookup(stage.wanted(records))
        steps = [stage.add(record, Pin(), known) for record in records]
        steps.append(stage.advance(turn.calls[-1].wall_ns + 30 * S))
        outputs += [output.value for step in steps for output in step.outputs]
        await store.apply([write for step in steps for write in step.writes])
    return outputs


async def test_the_whole_way_of_a_server_from_unknown_to_judged(store: RedisStore) -> None:
    stage = Turns(JudgeTimes(gap_ns=5 * S, max_turn_ns=60 * S), Judge(Judging(), Rulebook(())))
    trainer = Trainer(store)
    assert await _run(store, TRAFFIC[:10], stage) == []
    assert await trainer.run_if_due() is None
    assert await _run(store, TRAFFIC[10:], stage) == []
    model = await trainer.run_if_due()
    assert model is not None
    assert model.manifest.sessions == (await store.sessions())["files"] == 48
    assert await trainer.run_if_due() is None
    held_out = sessions(6, seed=500, first=100)
    assert await _run(store, held_out, stage) == []
    victim = next(one for one in held_out if any(call.tool == "read_config" for call in one.calls))
    stolen = theft(
        replace(victim, key="stolen", calls=tuple(replace(c, correlation_id="stolen") for c in victim.calls))
    )
    assert await _run(store, [stolen], stage) != []


async def test_two_workers_train_once(store: RedisStore) -> None:
    stage = Turns(JudgeTimes(gap_ns=5 * S, max_turn_ns=60 * S), Judge(Judging(), Rulebook(())))
    await _run(store, TRAFFIC, stage)
    trained = await asyncio.gather(Trainer(store).run_if_due(), Trainer(store).run_if_due())
    assert [model is None for model in trained].count(False) == 1
