from __future__ import annotations

import random

import pytest

from triptych.models.acting import acts
from triptych.models.learned import baselines
from triptych.models.model import Model
from triptych.models.sight import SIGHTS, Sight, seen_with, sight_of
from triptych.models.tampering import finds_less, self_check, tampered
from triptych.models.testing_traffic import sessions
from triptych.models.training import train

TURNS = sessions(60)
ACT = next(call for turn in TURNS for call in turn.calls if acts(call))


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TURNS, seed=1)


def test_a_tampered_turn_is_the_turn_and_one_act_more() -> None:
    changed = tampered(TURNS[0], ACT, random.Random(1))
    assert changed.calls[:-1] == TURNS[0].calls
    foreign = changed.calls[-1]
    assert foreign.tool == ACT.tool
    assert foreign.started_ns > TURNS[0].calls[-1].started_ns
    assert [fact.pointer for fact in foreign.arguments] == [fact.pointer for fact in ACT.arguments]
    assert {fact.origin for fact in foreign.arguments} <= {"result", "none"}


@pytest.mark.parametrize("sight", SIGHTS)
def test_a_foreign_act_tells_no_more_of_origins_than_its_turn(sight: Sight) -> None:
    seen = seen_with(TURNS[0], sight)
    act = next(call for turn in TURNS for call in seen_with(turn, sight).calls if acts(call))
    assert sight_of(tampered(seen, act, random.Random(1)).calls) == sight


def test_most_tampered_turns_are_found_and_the_manifest_says_how_many(model: Model) -> None:
    found = self_check(model.forms["prompt"], TURNS, baselines(TURNS), seed=1)
    assert set(found) == {"files"}
    assert 0.3 < found["files"] <= 1
    assert model.manifest.self_check == found


def test_a_server_that_nobody_acts_on_has_no_self_check(model: Model) -> None:
    quiet = [turn for turn in TURNS if not any(map(acts, turn.calls))]
    assert quiet
    assert self_check(model.forms["prompt"], quiet, baselines(TURNS), seed=1) == {}


def test_a_model_that_finds_much_less_on_any_server_is_named_with_both_shares() -> None:
    before = {"files": 0.9, "mail": 0.5, "gone": 0.8}
    assert list(finds_less({"files": 0.76, "mail": 0.5}, before)) == []
    (reason,) = finds_less({"files": 0.7, "mail": 0.9}, before)
    assert "files" in reason
    assert "70%" in reason
    assert "90%" in reason
