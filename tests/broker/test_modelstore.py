from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from triptych.infra.modelling.drifting import report
from triptych.infra.modelling.errors import PromotionError
from triptych.infra.modelling.promoting import Budget, promote
from triptych.models.errors import ConfigError
from triptych.models.features import FEATURES
from triptych.models.model import Model, ModelError
from triptych.models.observation import Observation, cleared, pack
from triptych.streams import samples
from triptych.streams.known import Learn, Sampled, Wanted
from triptych.streams.modelstore import ModelStore
from triptych.streams.store import RedisStore
from triptych.streams.trainer import Trainer

pytestmark = pytest.mark.broker
DAY = 86_400_000_000_000


@dataclass
class Scene:
    """A worker's store and an operator's, over the same names."""

    worker: RedisStore
    models: ModelStore


@pytest.fixture
async def scene(redis_url: str) -> AsyncIterator[Scene]:
    tenant = uuid.uuid4().hex
    made = Scene(RedisStore(redis_url, tenant=tenant), ModelStore(redis_url, tenant=tenant))
    yield made
    await made.worker.close()
    await made.models.close()


def seen(*, p: float = 0.5, candidate_p: float = 0.5, raised: bool = False) -> bytes:
    return pack(
        Observation(
            p=p,
            candidate_p=candidate_p,
            raised=raised,
            alerts=p <= 0.001,
            candidate_alerts=candidate_p <= 0.001,
            facts=10,
            unseen=1,
            principal=b"somebody",
            highest=np.zeros(len(FEATURES)),
        )
    )


def trial(model: Model, turns: int, **values: float) -> list[Sampled]:
    name = samples.shadow_name(model.manifest.model_id)
    return [Sampled(sample=name, turn=f"t{number}", body=seen(**values)) for number in range(turns)]


async def test_a_candidate_is_handed_to_workers_beside_the_model_that_judges(
    scene: Scene, models: tuple[Model, Model, Model]
) -> None:
    await scene.worker.publish(models[0], {})
    await scene.models.offer(models[1])
    known = await scene.worker.lookup(Wanted())
    assert known.model is not None
    assert known.candidate is not None
    assert known.model.manifest.model_id == models[0].manifest.model_id
    assert known.candidate.manifest.model_id == models[1].manifest.model_id


async def test_promotion_and_rollback_change_who_judges_at_the_next_batch(
    scene: Scene, models: tuple[Model, Model, Model]
) -> None:
    await scene.worker.publish(models[0], {})
    await scene.models.offer(models[1])
    await scene.models.promote(models[1].manifest.model_id)
    judging = (await scene.worker.lookup(Wanted())).model
    assert judging is not None
    assert judging.manifest.model_id == models[1].manifest.model_id
    assert await scene.models.rollback() == (models[0].manifest.model_id, models[1].manifest.model_id)
    known = await scene.worker.lookup(Wanted())
    assert known.model is not None
    assert known.model.manifest.model_id == models[0].manifest.model_id
    assert known.candidate is None


async def test_three_models_are_kept_and_no_more(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    await scene.worker.publish(models[0], {})
    for model in models[1:]:
        await scene.models.offer(model)
        await scene.models.promote(model.manifest.model_id)
    assert await scene.models.roles() == {
        "current": models[2].manifest.model_id,
        "previous": models[1].manifest.model_id,
    }
    with pytest.raises(ConfigError):
        await scene.models.model(models[0].manifest.model_id)


async def test_the_model_that_judges_is_no_candidate(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    await scene.worker.publish(models[0], {})
    assert not await scene.models.offer(models[0])
    assert "candidate" not in await scene.models.roles()


async def test_a_candidate_without_a_trial_is_not_promoted_unless_forced(
    scene: Scene, models: tuple[Model, Model, Model]
) -> None:
    await scene.models.offer(models[0])
    with pytest.raises(PromotionError) as refused:
        await promote(scene.models, "", Budget(turns=10))
    assert "0 live turns" in refused.value.what
    assert (await promote(scene.models, "", Budget(turns=10), force=True)).name == models[0].manifest.model_id


async def test_a_trial_within_its_budget_promotes(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    await scene.models.offer(models[0])
    await scene.worker.apply(trial(models[0], 20))
    assert (await promote(scene.models, "", Budget(turns=20))).before == ""


async def test_a_candidate_that_cries_wolf_stays_one(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    await scene.models.offer(models[0])
    await scene.worker.apply(trial(models[0], 20, candidate_p=0.0005))
    with pytest.raises(PromotionError) as refused:
        await promote(scene.models, "", Budget(turns=20))
    assert "100.00%" in refused.value.what
    assert (await scene.models.roles()) == {"candidate": models[0].manifest.model_id}


async def test_force_never_lets_a_damaged_model_judge(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    await scene.models.offer(models[0])
    name = models[0].manifest.model_id
    await scene.models.redis.append(scene.models.name("model", name, "npz"), b"x")
    with pytest.raises(ModelError):
        await promote(scene.models, name, Budget(), force=True)
    assert "current" not in await scene.models.roles()


async def test_a_candidate_that_finds_less_than_the_model_in_use_is_refused(
    scene: Scene, models: tuple[Model, Model, Model]
) -> None:
    worse = replace(models[1], manifest=replace(models[1].manifest, self_check={"files": 0.0}))
    better = replace(models[0], manifest=replace(models[0].manifest, self_check={"files": 0.9}))
    await scene.worker.publish(better, {})
    await scene.models.offer(worse)
    await scene.worker.apply(trial(worse, 20))
    with pytest.raises(PromotionError) as refused:
        await promote(scene.models, "", Budget(turns=20))
    assert "tampered" in refused.value.what


async def test_a_promoted_model_is_not_trained_over_at_once(scene: Scene, models: tuple[Model, Model, Model]) -> None:
    lessons = [
        Learn(server="files", session=f"s{number}", principal=f"p{number % 2}", keys=("a",), seen_ns=1)
        for number in range(45)
    ]
    await scene.worker.apply(lessons)
    await scene.models.offer(models[0])
    await scene.models.promote(models[0].manifest.model_id)
    assert await Trainer(scene.worker).run_if_due() is None


async def test_a_sample_is_the_same_in_any_order_however_often(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST", 50)
    turns = [Sampled(sample="shadow:x", turn=f"t{number}", body=seen()) for number in range(300)]
    other = [replace(one, sample="shadow:y") for one in turns[::-1]]
    await scene.worker.apply([*turns, *turns[:100], *other])
    names = [scene.models.name("sample", name) for name in ("shadow:x", "shadow:y")]
    one, two = [await scene.models.redis.hgetall(name) for name in names]  # type: ignore[misc]
    assert len(one) == 50
    assert one == two
    (sample, _) = await samples.read(scene.models, ["shadow:x", "shadow:y"])
    assert 150 < sample.turns < 600


async def test_drift_is_told_by_server_and_day_and_old_days_go(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "DAYS", 3)
    await scene.worker.apply([Learn(server="a:b/c", session="s", principal="p", keys=("k",), seen_ns=1)])
    for day in range(5):
        name = samples.day_name("a:b/c", day * DAY)
        turns = [Sampled(sample=name, turn=f"{day}-{number}", body=seen(p=0.02)) for number in range(40)]
        await scene.worker.apply(turns)
    found = await report(scene.models, nominal=0.001, last=7)
    assert [(one.server, one.day, one.turns) for one in found] == [
        ("a:b/c", "1970-01-03", 40),
        ("a:b/c", "1970-01-04", 40),
        ("a:b/c", "1970-01-05", 40),
    ]
    assert found[0].drift.drifted
    assert not found[1].drift.drifted


async def test_looking_back_leaves_out_what_raised_until_it_turned_out_normal(scene: Scene) -> None:
    await scene.worker.apply([Learn(server="files", session="s", principal="p", keys=("k",), seen_ns=1)])
    name = samples.day_name("files", 0)
    raised = [Sampled(sample=name, turn=f"r{n}", body=seen(p=0.001, raised=True)) for n in range(150)]
    await scene.worker.apply([*raised, *(Sampled(sample=name, turn=f"t{n}", body=seen()) for n in range(150))])
    p = []
    for writes in ([], [replace(one, body=cleared(one.body)) for one in raised]):
        await scene.worker.apply(writes)
        await scene.worker.look_back()
        p.append((await scene.worker.lookup(Wanted())).latest["files"].p(0.001, b"somebody else"))
    assert p[0] < 0.02
    assert p[1] == pytest.approx(0.5, abs=0.01)
