from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from triptych.models import training
from triptych.models.events import ArgumentFact, Coverage, Principal
from triptych.models.features import NAMES, rows
from triptych.models.model import Model, dump
from triptych.models.testing import call
from triptych.models.testing_traffic import PEOPLE, learned, sessions, views
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
    return Turn(f"t{number}", (replace(one, call_id=f"call-{number}", coverage=Coverage(protocol=True)),))


def test_a_naive_matrix_blinds_the_forest_to_novelty(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every fourth mail goes to somebody only one other person writes to: new when its session is left out, else known.
    turns = [_mail(n, "team" if n % 4 else f"pair-{n // 8}", PEOPLE[n % 3]) for n in range(48)]
    honest = train(turns).forms["result"]
    monkeypatch.setattr(training, "own_sessions", lambda turns: [()] * len(turns))
    naive = train(turns).forms["result"]
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
    form = model.forms["prompt"]
    assert (form.unseen.scores >= form.calibration.scores - 1e-9).mean() > 0.9
    score = float(np.quantile(form.calibration.scores, 0.9))
    chances = [form.p(score, share) for share in (0.0, 0.3, 1.0)]
    assert chances == sorted(chances)
    assert chances[0] < chances[-1]


def test_the_share_of_new_tasks_belongs_to_a_server(model: Model) -> None:
    form = model.forms["prompt"]
    assert model.manifest.new_tasks["prompt"] == form.shares
    assert form.new_tasks(["files"]) == form.shares["files"] < 1
    assert form.new_tasks(["files", "never-seen"]) == form.new_tasks([]) == 1


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
