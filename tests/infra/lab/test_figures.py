from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.lab import report
from triptych.infra.lab.assess import Assessment
from triptych.infra.lab.figures import Evaluation, evaluate, pooled
from triptych.infra.lab.masks import SUBSETS
from triptych.infra.lab.score import Judged, found
from triptych.infra.lab.shipped import Caught, Quiet, Shipped
from triptych.infra.lab.turns import Truth
from triptych.infra.lab.variations import Grown, Poisoned


def _truth(number: int, story: str = "") -> Truth:
    named = {"story": story, "family": "f", "form": "easy", "seen_by": ("protocol",), "verdict": "found"}
    return Truth(trace=str(number), conversation=str(number), principal="p", kind="k", **(named if story else {}))


_TRUTHS = [*map(_truth, range(200)), _truth(200, "told"), _truth(201, "told"), _truth(202, "never told")]


def _judged(layers: tuple[str, ...], attacks: Sequence[float], rules: Sequence[tuple[str, ...]] = ()) -> Judged:
    scores = np.array([*np.linspace(0, 1, 200), *attacks])
    told = [*[()] * (len(_TRUTHS) - len(rules)), *rules]
    return Judged(layers, _TRUTHS, scores, told, scores + [80.0 * len(one) for one in told])


def _evaluation(whole: Sequence[float] = (5.0, 5.0, 0.0), fewer: Sequence[float] = (5.0, 0.0, 0.0)) -> Evaluation:
    def each() -> Iterator[list[Judged]]:
        for layers in SUBSETS:
            yield [_judged(layers, whole if len(layers) == 3 else fewer)]

    return evaluate(each())


def _assessed() -> Assessment:
    return Assessment(evaluation=_evaluation(), calls=400, held_out={}, grown=(), poisoned=(), shipped=None)


@given(st.lists(st.floats(-5, 5), min_size=100, max_size=300), st.floats(0.01, 0.2))
def test_no_more_of_the_harmless_are_found_than_the_budget_allows(scores: list[float], budget: float) -> None:
    truths = [_truth(number) for number in range(len(scores))]
    judged = Judged(("protocol",), [*truths, _truth(0, "s")], np.array([*scores, 9.0]), [], np.zeros(len(scores) + 1))
    made = found(judged, budget)
    assert made.share(made.by_score, of_attacks=False) <= budget
    assert made.by_score[-1]


def test_a_rule_and_the_score_add_up() -> None:
    made = found(_judged(("protocol",), [0.0, 0.0, 0.0], [("r",), (), ()]))
    assert made.by_both[-3:].tolist() == [True, False, False]
    assert made.by_score[-3:].tolist() == [False, False, False]


def test_where_rules_hit_all_of_the_harmless_the_score_decides() -> None:
    judged = _judged(("protocol",), [5.0, 0.0, 0.0])
    noisy = replace(judged, rules=[("r",)] * len(judged.truths), evidence=judged.scores + 80)
    assert found(noisy).share(found(noisy).by_rules, of_attacks=False) == 1.0
    assert found(noisy).by_both[-3:].tolist() == [True, False, False]


def test_three_layers_must_find_more_than_any_fewer() -> None:
    assert _evaluation().holds("score")
    assert not _evaluation(whole=(5.0, 0.0, 0.0)).holds("score")


def test_what_stays_invisible_is_named() -> None:
    assert _evaluation().invisible == ["never told"]
    assert "Invisible in every form: never told." in report.markdown(_assessed())


def test_seeds_are_averaged() -> None:
    seeds = [[_judged(layers, (5.0, 0.0, 0.0)), _judged(layers, (5.0, 5.0, 0.0))] for layers in SUBSETS]
    assert evaluate(seeds).shares["all three"]["score"].value == pytest.approx(0.5)


def test_an_interval_holds_its_share() -> None:
    share = _evaluation().shares["all three"]["score"]
    assert share.low <= share.value <= share.high


def test_the_tables_stand_between_their_marks_however_often_they_are_written(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.MARKS[0]}\nfigures of yesterday\n{report.MARKS[1]}\nafter\n")
    report.into(readme, _assessed())
    once = readme.read_text()
    report.into(readme, _assessed())
    assert readme.read_text() == once
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "yesterday" not in once


def test_the_record_says_by_each_way_whether_three_layers_beat_fewer() -> None:
    told = json.loads(report.record(_assessed(), {"seed": 1}))
    assert {way: bar["holds"] for way, bar in told["three_layers_beat_fewer"].items()} == {
        "score": True,
        "rules": False,
        "both": True,
    }


def test_false_findings_are_told_for_a_thousand_calls() -> None:
    assert _assessed().false_in_thousand(0.01) == pytest.approx(1000 * 0.01 * 200 / 400)


def test_folds_that_were_asked_about_different_attacks_are_one_share() -> None:
    first, second = (_judged(SUBSETS[-1], attacks) for attacks in ((5.0, 5.0, 5.0), (0.0, 0.0, 0.0)))
    assert pooled([first, second])["score"].value == pytest.approx(0.5)


def test_the_readme_tells_what_was_varied() -> None:
    shipped = Shipped(Quiet(100, 3, 1), Quiet(100, 1, 0), [Caught("s", "easy", True, 2, 1.5), Caught("t", "easy")])
    whole = replace(
        _assessed(),
        held_out=_evaluation().shares,
        grown=[Grown(5, 0.25, 0.1), Grown(40, 0.5, 0.1)],
        poisoned=[Poisoned("beacon", 2, 1.0, 0.5)],
        shipped=shipped,
    )
    text = report.markdown(whole)
    for told in ("50 % of the attacks found", "10.0", "2 calls and 1.5 s", "25 % after 5", "50 % of its tries"):
        assert told in text
