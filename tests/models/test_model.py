from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from triptych.models.errors import TriptychError
from triptych.models.features import FEATURE_HASH, FEATURE_SET, FEATURES
from triptych.models.model import Model, ModelError, dump, load
from triptych.models.risk import judge
from triptych.models.sight import SIGHTS, seen_with
from triptych.models.testing_traffic import learned, sessions, theft, views
from triptych.models.training import train
from triptych.models.turn import Turn

TURNS = sessions(48)


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TURNS, seed=1)


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


def _resealed(model: Model, name: str, change: Callable[[Any], object]) -> tuple[bytes, bytes]:
    """A model file whose digest is right and of which one array is not."""
    body, manifest = dump(model)
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays[f"prompt.{name}"] = change(arrays[f"prompt.{name}"])
    out = io.BytesIO()
    np.savez(out, **arrays)
    digest = hashlib.sha256(out.getvalue()).hexdigest()
    return out.getvalue(), orjson.dumps(orjson.loads(manifest) | {"sha256": digest})


def _set(at: int, value: float) -> Callable[[Any], object]:
    def change(array: Any) -> object:
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("left", _set(0, 10**6), "M02"),
        ("right", _set(0, -1), "M02"),
        ("feature", _set(0, len(FEATURES)), "M02"),
        ("left", _set(0, 0), "M03"),
        ("norm", _set(0, 0.0), "M01"),
        ("scores", lambda scores: scores[::-1], "M04"),
        ("fill", lambda fill: fill[:-1], "M05"),
        ("spread", np.zeros_like, "M05"),
        ("centre", _set(0, np.nan), "M05"),
        ("grain", np.zeros_like, "M05"),
        ("ordered", lambda ordered: ordered[:, :3], "M05"),
        ("probes", lambda probes: probes[1:], "M05"),
        ("depth", lambda depth: depth * 1.000001, "M10"),
        ("centre", lambda centre: centre + 1e-6, "M10"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_by_reason(
    model: Model, name: str, change: Callable[[Any], object], code: str
) -> None:
    with pytest.raises(TriptychError) as error:
        load(*_resealed(model, name, change))
    assert error.value.code == code


def test_a_model_of_other_features_is_refused(model: Model) -> None:
    body, manifest = dump(model)
    other = orjson.dumps(orjson.loads(manifest) | {"feature_hash": "0" * 16})
    with pytest.raises(ModelError) as error:
        load(body, other)
    assert error.value.code == "M06"


def test_a_model_of_an_older_version_names_both_feature_sets(model: Model) -> None:
    body, _ = dump(model)
    older = {
        "model_id": "forest-1",
        "feature_set": "v1",
        "feature_hash": "0123",
        "new_tasks": {"files": 0.1},
        "trees": 9,
    }
    with pytest.raises(ModelError, match=f"v1/0123, not of {FEATURE_SET}/{FEATURE_HASH}"):
        load(body, orjson.dumps(older))


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"unknown": 1}'])
def test_a_manifest_that_is_none_is_refused(model: Model, manifest: bytes) -> None:
    with pytest.raises(ModelError):
        load(dump(model)[0], manifest)


@pytest.mark.parametrize("share", [-0.1, 1.5, "all"])
def test_a_share_that_is_none_is_refused(model: Model, share: object) -> None:
    body, manifest = dump(model)
    with pytest.raises(ModelError):
        load(body, orjson.dumps(orjson.loads(manifest) | {"new_tasks": {"prompt": {"files": share}}}))


def test_a_model_without_a_form_is_none(model: Model) -> None:
    with pytest.raises(ModelError):
        replace(model, forms={})


def test_turns_that_told_of_the_prompt_train_a_form_for_every_sight(model: Model) -> None:
    assert list(model.forms) == list(SIGHTS)
    assert {sight: model.sight(sight) for sight in SIGHTS} == {sight: sight for sight in SIGHTS}


def test_a_turn_is_judged_by_the_nearest_form_there_is(model: Model) -> None:
    only = {sight: replace(model, forms={sight: model.forms[sight]}) for sight in SIGHTS}
    assert [only["result"].sight(told) for told in SIGHTS] == ["result"] * 3
    assert replace(model, forms={s: model.forms[s] for s in ("calls", "prompt")}).sight("result") == "calls"


def _share_above(model: Model, turns: Sequence[Turn], risk: float) -> float:
    known = learned(TURNS)
    risks = [judge(model, one, views(one, known)).score.risk for one in turns]  # type: ignore[union-attr]
    return sum(found >= risk for found in risks) / len(risks)


@pytest.mark.parametrize("sight", ["result", "calls"])
def test_turns_told_of_without_the_prompt_are_not_more_unusual_for_it(model: Model, sight: Any) -> None:
    normal = [seen_with(one, sight) for one in sessions(40, seed=9, first=200)]
    one_form = replace(model, forms={"prompt": model.forms["prompt"]})
    assert _share_above(model, normal, 25) <= 0.2
    assert _share_above(model, normal, 25) <= _share_above(one_form, normal, 25)
