from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import orjson
import pytest

from triptych.models import training
from triptych.models.errors import TriptychError
from triptych.models.events import ArgumentFact, Principal
from triptych.models.features import NAMES, rows
from triptych.models.model import Model, ModelError, dump, load
from triptych.models.risk import judge
from triptych.models.testing import call
from triptych.models.testing_traffic import PEOPLE, learned, sessions, theft, views
from triptych.models.training import TrainingError, baselines, matrix, own_sessions, train
from triptych.models.turn import Turn

TURNS = sessions(48)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TURNS, seed=1)


def test_the_same_turns_in_any_order_give_the_same_bytes(model: Model) -> None:
    assert dump(train(TURNS[::-1], seed=1)) == dump(model)
    assert train(TURNS, seed=2).manifest.model_id != model.manifest.model_id


def test_a_session_is_measured_as_if_it_had_never_been_learned() -> None:
    known = baselines(TURNS)
    left_out, naive = (matrix(TURNS, known, out).rows for out in (own_sessions(TURNS), [()] * len(TURNS)))
    assert np.nansum(left_out) > np.nansum(naive)
    assert (np.nan_to_num(left_out) >= np.nan_to_num(naive) - 1e-9).mean() > 0.95


def _mail(number: int, recipient: str, who: str) -> Turn:
    fact = ArgumentFact(pointer="/to", kind="text", digests=(recipient,), origin="result")
    principal = Principal(kind="configured", id=who)
    one = call("send_mail", at_s=number, arguments=(fact,), conversation=f"c{number}", principal=principal)
    return Turn(f"t{number}", (replace(one, call_id=f"call-{number}"),))


def test_a_naive_matrix_blinds_the_forest_to_novelty(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every fourth mail goes to somebody only one other person writes to: new when its session is left out, else known.
    turns = [_mail(n, "team" if n % 4 else f"pair-{n // 8}", PEOPLE[n % 3]) for n in range(48)]
    honest = train(turns)
    monkeypatch.setattr(training, "own_sessions", lambda turns: [()] * len(turns))
    naive = train(turns)
    attack = _mail(99, "stranger", "mallory")
    row = rows(attack, views(attack, learned(turns)))
    column = NAMES.index("acting_new_values")
    assert (
        naive.forest.attribute(naive.filled(row)[0])[column]
        == 0
        < honest.forest.attribute(honest.filled(row)[0])[column]
    )
    assert naive.forest.score(naive.filled(row)) < honest.forest.score(honest.filled(row))


def test_a_new_kind_of_task_is_expected_to_score_higher_than_a_known_one(model: Model) -> None:
    assert (model.unseen.scores >= model.calibration.scores - 1e-9).mean() > 0.9
    score = float(model.calibration.scores[-1])
    chances = [model.p(score, share) for share in (0.0, 0.3, 1.0)]
    assert chances == sorted(chances)
    assert chances[0] < chances[-1]


def test_the_share_of_new_tasks_belongs_to_a_server(model: Model) -> None:
    assert set(model.manifest.new_tasks) == {"files"}
    assert model.new_tasks(["files"]) == model.manifest.new_tasks["files"] < 1
    assert model.new_tasks(["files", "never-seen"]) == model.new_tasks([]) == 1


@pytest.mark.parametrize("share", [-0.1, 1.5, "all"])
def test_a_share_that_is_none_is_refused(model: Model, share: object) -> None:
    body, manifest = dump(model)
    with pytest.raises(ModelError):
        load(body, orjson.dumps(orjson.loads(manifest) | {"new_tasks": {"files": share}}))


def test_too_few_turns_are_refused() -> None:
    with pytest.raises(TrainingError) as error:
        train(TURNS[:10])
    assert error.value.code == "M08"


def test_a_server_that_is_still_learned_teaches_nothing(model: Model) -> None:
    young = sessions(12, seed=3, first=400, server="young")
    assert dump(train((*TURNS, *young), seed=1)) == dump(model)


def test_one_principal_alone_trains_nothing() -> None:
    with pytest.raises(TrainingError, match="0 turns"):
        train([_mail(number, "team", "ann") for number in range(60)])


def test_the_manifest_says_what_it_was_made_of(model: Model) -> None:
    manifest = model.manifest
    assert (manifest.sessions, manifest.turns) == (48, len(TURNS))
    assert manifest.rows == sum(len(turn.calls) for turn in TURNS)
    assert manifest.seed == 1


def test_a_stored_model_scores_the_same(model: Model) -> None:
    again = load(*dump(model))
    known = learned(TURNS)
    attack = theft(TURNS[0])
    assert judge(again, attack, views(attack, known)) == judge(model, attack, views(attack, known))


def test_any_changed_byte_is_refused(model: Model) -> None:
    body, manifest = dump(model)
    for at in range(0, len(body), len(body) // 40):
        changed = body[:at] + bytes([body[at] ^ 0x40]) + body[at + 1 :]
        with pytest.raises(ModelError, match="differs"):
            load(changed, manifest)


def _resealed(model: Model, **changes: object) -> tuple[bytes, bytes]:
    """A model file whose digest is right and whose content is not."""
    return dump(replace(model, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda model: {"fill": model.fill[:-1]},
        lambda model: {"spread": np.zeros(2)},
        lambda model: {"centre": np.array([np.nan, 0.0])},
        lambda model: {"tails": replace(model.tails, ordered=model.tails.ordered[:, :3])},
        lambda model: {"tails": replace(model.tails, grain=np.zeros(18))},
    ],
)
def test_numbers_that_do_not_fit_are_refused(model: Model, spoil: Callable[[Model], dict[str, object]]) -> None:
    with pytest.raises(TriptychError) as error:
        load(*_resealed(model, **spoil(model)))
    assert error.value.code.startswith("M")


def test_a_model_of_other_features_is_refused(model: Model) -> None:
    body, manifest = dump(model)
    other = orjson.dumps(orjson.loads(manifest) | {"feature_hash": "0" * 16})
    with pytest.raises(ModelError) as error:
        load(body, other)
    assert error.value.code == "M06"


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"unknown": 1}'])
def test_a_manifest_that_is_none_is_refused(model: Model, manifest: bytes) -> None:
    with pytest.raises(ModelError):
        load(dump(model)[0], manifest)
