from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from triptych.infra.lab import variations
from triptych.infra.lab.masks import SUBSETS
from triptych.infra.lab.score import Judged, Split, split
from triptych.infra.lab.turns import Labelled
from triptych.models.history import principal_of, session_of

Lab = Callable[[int], list[Labelled]]
_QUIET: Callable[[str], None] = lambda _: None  # noqa: E731


def _kinds(turns: Sequence[Labelled]) -> list[Labelled]:
    """Honest turns of two kinds in turns."""
    return [
        one if one.truth.story else replace(one, truth=replace(one.truth, kind=f"kind-{at % 2}"))
        for at, one in enumerate(turns)
    ]


def _all_found(parts: Split) -> Judged:
    truths = [one.truth for one in (*parts.harmless, *parts.attacks)]
    evidence = np.array([float(bool(truth.story)) for truth in truths])
    return Judged(SUBSETS[-1], truths, evidence, [("rule",) if truth.story else () for truth in truths], evidence)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Split]:
    """What was asked of a judge that finds all attacks."""
    seen: list[Split] = []

    def judge(parts: Split, *_: Any) -> list[Judged]:
        seen.append(parts)
        return [_all_found(parts)]

    monkeypatch.setattr(variations, "judge", judge)
    return seen


def test_a_family_is_judged_by_who_was_taught_nothing_like_it(lab: Lab, asked: list[Split]) -> None:
    parts = split(_kinds(lab(84)))
    work = {family: frozenset({"kind-1"}) for family in ("protocol", "execution")}
    list(variations.held_out(parts, work, _QUIET, SUBSETS[-1:]))
    for part in asked:
        families = {one.truth.family for one in part.attacks}
        taught = {one.truth.kind for one in part.normal}
        assert taught == ({"kind-0"} if families & set(work) else {"kind-0", "kind-1"})


def test_every_attack_is_asked_about_once_when_families_are_held_out(lab: Lab, asked: list[Split]) -> None:
    parts = split(lab(84))
    list(variations.held_out(parts, {}, _QUIET, SUBSETS[-1:]))
    assert sorted(one.turn.key for part in asked for one in part.attacks) == sorted(
        one.turn.key for one in parts.attacks
    )


def test_a_cold_start_learns_the_first_sessions_first(lab: Lab, asked: list[Split]) -> None:
    parts = split(lab(84))
    found = list(variations.grown(parts, _QUIET, (5, 10, 999)))
    assert [one.sessions for one in found] == [5, 10, 42]
    few, more, everything = (part.normal for part in asked)
    assert few == more[: len(few)] and more == everything[: len(more)]


def test_with_too_little_to_learn_from_rules_judge_alone(lab: Lab) -> None:
    first, _ = variations.grown(split(lab(84)), _QUIET, (3,))
    assert first.by_both == first.by_rules > 0


def test_poison_is_one_principal_in_sessions_of_its_own(lab: Lab, asked: list[Split]) -> None:
    parts = split(lab(84))
    found = list(variations.poisoned(parts, _all_found(parts), _QUIET, share=0.1))
    assert {one.repeated for one in found} == {4}
    for part in asked:
        lessons = [one.turn for one in part.normal if one not in parts.normal]
        assert len({session_of(turn) for turn in lessons}) == 4
        assert {principal_of(turn) for turn in lessons} == {"poisoner"}
