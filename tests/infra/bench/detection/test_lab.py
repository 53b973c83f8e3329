"""The lab's half of the benchmark: what is a bar, and which data set is taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triptych.infra.bench.detection import __main__ as bench
from triptych.infra.bench.report import Row
from triptych.infra.bench.run import Plan
from triptych.infra.lab.assess import Assessment
from triptych.infra.lab.figures import Evaluation, Share
from triptych.infra.lab.masks import SUBSETS, name_of
from triptych.models.errors import ConfigError


def _rows(whole: float, fewer: float) -> dict[str, Row]:
    shares = {
        name_of(layers): dict.fromkeys(
            ("score", "rules", "both"), Share(whole if len(layers) == 3 else fewer, 0.0, 1.0, 0.01)
        )
        for layers in SUBSETS
    }
    evaluation = Evaluation(turns={"harmless": 100, "attacks": 10}, shares=shares, stories=[])
    made = Assessment(evaluation=evaluation, calls=400, held_out={}, grown=(), poisoned=(), shipped=None)
    return {row.name: row for row in bench._rows(made)}


@pytest.mark.parametrize(("fewer", "ok"), [(0.5, True), (0.6, False), (0.7, False)])
def test_three_layers_must_find_more_than_any_fewer(fewer: float, ok: bool) -> None:
    assert _rows(0.6, fewer)["lab, by both: found by three layers"].ok is ok


def test_false_findings_stand_beside_what_is_found() -> None:
    assert _rows(0.6, 0.5)["  false findings"].value == pytest.approx(1000 * 0.01 * 100 / 400)


def test_the_newest_data_set_that_is_whole_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench._collected() is None
    for at, seed in enumerate((7, 3)):
        folder = tmp_path / ".triptych" / "lab" / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "about.json").write_text("{}")
        os.utime(folder / "about.json", (at, at))
    (tmp_path / ".triptych" / "lab" / "seed-9").mkdir()
    found = bench._collected()
    assert found is not None and found.name == "seed-3"


def test_what_cannot_be_measured_here_is_said(tmp_path: Path) -> None:
    plan = Plan(quick=True, only="", tell=lambda _: None)
    assert len(bench._measure(plan, None, None, tmp_path).remarks) == 2
    with pytest.raises(ConfigError, match="no part of the lab"):
        bench._measure(Plan(quick=True, only="U", tell=lambda _: None), None, None, tmp_path)
