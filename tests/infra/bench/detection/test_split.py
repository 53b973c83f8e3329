from __future__ import annotations

from collections import Counter

import pytest

from triptych.infra.bench.detection.extract import Run
from triptych.infra.bench.detection.split import FOLDS, Part, Split
from triptych.infra.bench.errors import BenchError


def runs(*pipelines: str, tasks: int = 10) -> list[Run]:
    names = [(pipeline, f"user_task_{task}") for pipeline in pipelines for task in range(tasks)]
    return [Run(pipeline, "banking", task, None, number, ()) for number, (pipeline, task) in enumerate(names)]


def test_the_published_groups_stand_where_a_file_has_both() -> None:
    split = Split.of(runs("gpt-4o", "command-r", "claude-3", "gemini-1.5", "Meta-SecAlign-70B"))
    assert split.groups == {"gpt-4o": 0, "command-r": 0, "claude-3": 1, "gemini-1.5": 1, "Meta-SecAlign-70B": 1}


def test_other_families_are_dealt_evenly_and_never_parted() -> None:
    split = Split.of(runs("claude-3", "claude-3.5", "gemini-1", "gemini-2", "qwen-3"))
    assert split.groups["claude-3"] == split.groups["claude-3.5"] != split.groups["gemini-1"]
    assert split.groups["gemini-1"] == split.groups["gemini-2"]
    assert sorted(Counter(split.groups.values()).values()) == [2, 3]


def test_one_family_is_parted_by_pipelines() -> None:
    assert set(Split.of(runs("gpt-4o", "gpt-5")).groups.values()) == {0, 1}


def test_one_pipeline_cannot_be_judged() -> None:
    with pytest.raises(BenchError) as error:
        Split.of(runs("gpt-4o"))
    assert error.value.code == "B03"


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("fold", [None, *range(FOLDS)])
def test_no_judged_run_shares_its_family_or_a_held_out_task_with_training(direction: int, fold: int | None) -> None:
    everything = runs("gpt-4o", "claude-3")
    split, part = Split.of(everything), Part(direction, fold)
    trains = [run for run in everything if split.trains(run, part)]
    judges = [run for run in everything if split.judges(run, part)]
    assert trains
    assert judges
    assert {run.pipeline for run in trains}.isdisjoint(run.pipeline for run in judges)
    assert fold is None or {run.task for run in trains}.isdisjoint(run.task for run in judges)


def test_every_run_is_judged_once_over_the_folds() -> None:
    everything = runs("gpt-4o", "claude-3")
    split = Split.of(everything)
    parts = [Part(direction, fold) for direction in (0, 1) for fold in range(FOLDS)]
    assert Counter(run.number for part in parts for run in everything if split.judges(run, part)) == Counter(
        run.number for run in everything
    )


def test_an_attack_by_a_pipeline_without_harmless_runs_judges_nothing() -> None:
    split = Split.of(runs("gpt-4o", "claude-3"))
    stranger = Run("qwen-3", "banking", "user_task_1", True, 99, ())
    assert not any(split.judges(stranger, Part(direction)) for direction in (0, 1))
