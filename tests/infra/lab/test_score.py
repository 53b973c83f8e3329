from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from triptych.infra.lab.errors import LabError
from triptych.infra.lab.figures import Evaluation, evaluate
from triptych.infra.lab.masks import SUBSETS
from triptych.infra.lab.score import Judged, judge_all, split
from triptych.infra.lab.turns import Labelled
from triptych.models import testing
from triptych.models.turn import Turn

Lab = Callable[[int], list[Labelled]]


@pytest.fixture(scope="module")
def judged(lab: Lab) -> list[list[Judged]]:
    return list(judge_all(split(lab(84))))


@pytest.fixture(scope="module")
def evaluation(judged: list[list[Judged]]) -> Evaluation:
    return evaluate(judged)


def test_half_of_the_harmless_sessions_teach_and_no_attack_does(lab: Lab) -> None:
    parts = split(lab(84))
    assert len(parts.normal) == len(parts.harmless) == 84
    assert not any(one.truth.story for one in (*parts.normal, *parts.harmless))
    taught = {one.truth.conversation for one in parts.normal}
    assert taught.isdisjoint(one.truth.conversation for one in (*parts.harmless, *parts.attacks))


def test_an_honest_turn_of_a_session_that_turns_bad_neither_teaches_nor_counts(lab: Lab) -> None:
    turns = lab(84)
    bad = turns[-1].truth.conversation
    before = replace(turns[0], truth=replace(turns[0].truth, conversation=bad))
    parts = split([before, *turns])
    assert before not in (*parts.normal, *parts.harmless, *parts.attacks)


def test_too_little_to_judge_is_said_with_the_counts(lab: Lab) -> None:
    with pytest.raises(LabError, match="20 turns to learn from") as refused:
        split(lab(20))
    assert refused.value.code == "Y03"


def test_every_set_of_layers_judges_the_same_turns(judged: list[list[Judged]]) -> None:
    assert [of_seeds[0].layers for of_seeds in judged] == list(SUBSETS)
    assert {len(of_seeds[0].scores) for of_seeds in judged} == {92}


def test_each_layer_finds_what_only_it_can_see(evaluation: Evaluation) -> None:
    by = {story.name: story.by for story in evaluation.stories}
    assert by["execution"]["execution"] == 1.0
    assert by["execution"]["protocol + agent"] == 0.0
    assert by["protocol"]["protocol + agent"] == 1.0
    assert by["protocol"]["execution + agent"] == 0.0


def test_three_layers_find_more_than_any_fewer_and_what_nobody_can_see_is_named(evaluation: Evaluation) -> None:
    assert evaluation.holds("both")
    assert evaluation.invisible == ["nothing"]


def test_a_turn_of_which_nothing_was_told_is_no_finding(lab: Lab) -> None:
    turns = lab(84)
    silent = replace(turns[-1], turn=Turn(turns[-1].turn.key, (), ()))
    parts = split([*turns[:-1], silent])
    ((alone,),) = judge_all(parts, subsets=[("agent",)])
    assert alone.scores[-1] == -math.inf


def test_what_a_server_does_beside_its_calls_counts_for_the_turn_before(lab: Lab) -> None:
    turns = lab(84)
    theft = testing.background(testing.read("/home/a/.aws/credentials"), testing.connect("203.0.113.7:443", at_s=0.1))
    late = replace(turns[-1], besides=(Turn("beside", (theft,)),))
    ((whole,),) = judge_all(split([*turns[:-1], late]), subsets=SUBSETS[-1:])
    assert "execution.background-credential-read-then-egress" in whole.rules[-1]
