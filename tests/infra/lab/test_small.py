"""The committed data set: what a real run observed, small enough to read at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from triptych.infra.lab import sample, stories
from triptych.infra.lab.errors import LabError
from triptych.infra.lab.score import split
from triptych.infra.lab.turns import Labelled, labelled
from triptych.models.detections.engine import Rulebook
from triptych.models.training import baselines, views_of

_SMALL = Path(__file__).parent / "small"


@pytest.fixture(scope="module")
def turns() -> list[Labelled]:
    return labelled(_SMALL)


def _one(turns: list[Labelled], story: str, form: str = "easy") -> Labelled:
    return next(one for one in turns if (one.truth.story, one.truth.form) == (story, form))


def test_every_turn_that_was_played_was_observed(turns: list[Labelled]) -> None:
    lines = (_SMALL / "truth.jsonl").read_text().splitlines()
    assert {one.truth.trace for one in turns} == {json.loads(line)["trace"] for line in lines}


def test_every_story_is_in_it_in_every_form_it_has(turns: list[Labelled]) -> None:
    told = {(one.truth.story, one.truth.form) for one in turns if one.truth.story}
    for story in stories.load().stories:
        assert {form for name, form in told if name == story.name} >= {"easy", "mixed"}
        assert ((story.name, "stealthy") in told) == bool(story.stealthy)


def test_it_is_enough_to_learn_from_and_to_judge(turns: list[Labelled]) -> None:
    parts = split(turns)
    assert min(map(len, (parts.normal, parts.harmless, parts.attacks))) >= 50


def test_all_layers_tell_of_nearly_every_call_and_where_the_sensor_did_not_it_is_noted(turns: list[Labelled]) -> None:
    calls = [call for one in turns if not one.truth.story for call in one.turn.calls if call.tool]
    unseen = [call for call in calls if not call.coverage.execution]
    assert len(unseen) < len(calls) / 50
    assert all("sensor silent" in call.coverage.notes for call in unseen)
    assert all(one.turn.spans for one in turns)


@pytest.mark.parametrize(
    ("story", "rule"),
    [
        ("poisoned dependency", "chain.credential-read-then-egress"),
        ("the cloud's own address", "execution.cloud-metadata"),
        ("a program on no disk", "execution.program-not-in-image"),
        ("a line in the shell's start", "execution.persistence-write"),
        ("reply first, theft after", "execution.background-credential-read-then-egress"),
        ("poisoned description", "protocol.tool-definition-changed"),
    ],
)
def test_a_shipped_rule_finds_its_story_as_it_really_happened(turns: list[Labelled], story: str, rule: str) -> None:
    known = baselines([one.turn for one in split(turns).normal])
    one, rules = _one(turns, story), Rulebook.load()
    seen = (one.turn, *one.besides)
    hits = [hit.rule.id for turn in seen for hit in rules.evaluate(turn, views_of(turn, known)).hits]
    assert rule in hits


def test_a_sample_reads_as_what_it_was_taken_from(turns: list[Labelled], tmp_path: Path) -> None:
    few = sample.chosen(turns, 3)
    sample.write(few, tmp_path / "few")
    again = labelled(tmp_path / "few")
    assert [(one.turn, one.truth) for one in again] == [(one.turn, one.truth) for one in few]
    assert len({one.truth.conversation for one in few if not one.truth.story}) >= 3


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError) as refused:
        labelled(tmp_path)
    assert refused.value.code == "Y03"
