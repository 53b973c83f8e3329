"""What a worker does with the model that it trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from triptych.models.baseline import turn_keys
from triptych.models.history import principal_of, session_of, to_json
from triptych.models.model import Model
from triptych.models.testing_traffic import sessions
from triptych.models.turn import Turn
from triptych.streams import trainer
from triptych.streams.known import Learn, Remember, Wanted
from triptych.streams.memory import MemoryStore

TURNS = sessions(48)
TRAINED = trainer.train(TURNS)


async def taught() -> MemoryStore:
    store = MemoryStore()
    await teach(store, TURNS)
    return store


async def teach(store: MemoryStore, turns: Sequence[Turn]) -> None:
    for turn in turns:
        keys = turn_keys(turn.calls, "files", learned=True)
        lesson = Learn(server="files", session=session_of(turn), principal=principal_of(turn), keys=keys, seen_ns=1)
        await store.apply([lesson, Remember(turn=turn.key, started_ns=1, body=to_json(turn))])


@pytest.mark.parametrize(("better", "published"), [(0.1, True), (0.2, False)])
async def test_a_model_that_finds_much_less_of_tampered_turns_is_not_published(
    monkeypatch: pytest.MonkeyPatch, better: float, published: bool
) -> None:
    found = {server: share + better for server, share in TRAINED.manifest.self_check.items()}
    judging = replace(TRAINED, manifest=replace(TRAINED.manifest, model_id="judging", self_check=found))
    store = await taught()
    await store.publish(judging, {})

    def train(_turns: Sequence[Turn], **_told: Any) -> Model:
        return TRAINED

    monkeypatch.setattr(trainer, "train", train)
    assert (await trainer.Trainer(store).run_if_due() is not None) == published
    current = (await store.lookup(Wanted())).model
    assert current is not None
    assert current.manifest.model_id == (TRAINED if published else judging).manifest.model_id


async def test_what_was_not_published_is_not_trained_again_before_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {server: share + 0.2 for server, share in TRAINED.manifest.self_check.items()}
    store, trained = await taught(), []
    await store.publish(replace(TRAINED, manifest=replace(TRAINED.manifest, self_check=found)), {})

    def train(turns: Sequence[Turn], **_told: Any) -> Model:
        trained.append(len(turns))
        return TRAINED

    monkeypatch.setattr(trainer, "train", train)
    worker = trainer.Trainer(store)
    for turn in sessions(64)[48:]:
        await worker.run_if_due()
        await teach(store, [turn])
    await worker.run_if_due()
    assert len(trained) == 2
    assert trained[1] > trained[0]
