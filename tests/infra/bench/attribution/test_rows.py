"""Figures carry the bars of their case, and the table stands where the README has its markers."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.bench.attribution.judge import METHODS, Asked, Effect, Run
from triptych.infra.bench.attribution.rows import Case, rows
from triptych.infra.bench.attribution.table import markdown, write
from triptych.infra.bench.report import Row
from triptych.models.events import Binding


def _rows(case: Case, binding: Binding, *, named: int = 1, unseen: int = 0) -> dict[str, Row]:
    effect = Effect(truth=1, tool="sync", at_ns=1, named=frozenset({named}), binding=binding)
    run = Run(asked=[Asked(call=1, at_ns=0)], effects=[effect], unseen=unseen)
    return {row.name.removeprefix(f"{case.name}: "): row for row in rows({case: run})}


def _case(mode: str, server: str = "ours", in_flight: int = 16) -> Case:
    return Case(server=server, mode=mode, in_flight=in_flight)


@pytest.mark.parametrize("mode", ["serialised", "pooled"])
def test_alone_in_its_process_only_exact_and_right_will_do(mode: str) -> None:
    assert _rows(_case(mode), "exact")["exact and right"].ok
    assert not _rows(_case(mode), "cooperative")["exact and right"].ok
    assert not _rows(_case(mode), "exact", named=2)["exact and right"].ok


def test_a_marker_must_tell_every_effect_apart() -> None:
    assert _rows(_case("marked"), "cooperative")["told apart and right"].ok
    assert not _rows(_case("marked"), "candidates")["told apart and right"].ok


def test_candidates_will_do_beside_other_calls_while_the_truth_is_among_them() -> None:
    assert all(row.ok for row in _rows(_case("passive"), "candidates").values())
    assert not _rows(_case("passive"), "candidates", named=2)["truth among the calls said"].ok


def test_an_exact_binding_that_is_wrong_and_an_effect_nobody_saw_miss_their_bars() -> None:
    assert not _rows(_case("passive"), "exact", named=2)["wrong exact"].ok
    assert not _rows(_case("passive"), "exact", unseen=1)["unseen"].ok


def test_stray_threads_are_measured_and_have_no_bar() -> None:
    assert all(row.ok for row in _rows(_case("passive", "ours, stray"), "exact", named=2).values())


def test_the_table_has_the_naive_joins_beside_ours_and_replaces_the_old_one(tmp_path: Path) -> None:
    case = _case("passive")
    effect = Effect(truth=1, tool="sync", at_ns=1, named=frozenset({1}), binding="exact")
    runs = {case: Run(asked=[Asked(call=1, at_ns=0)], effects=[effect])}
    by_case, by_tool = markdown(runs).split("\n\n")
    assert by_case.splitlines()[2].startswith("| passive | ours | 16 | 1 | 100 % | 100 % | 100 % |")
    assert all(method in by_case for method in METHODS if method != "triptych")
    assert "| passive | sync | 1 | 100 % | 100 % | 100 % |" in by_tool
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- bench-attribution -->\nold\n<!-- /bench-attribution -->\nafter\n")
    write(runs, file)
    assert file.read_text().startswith("before\n<!-- bench-attribution -->\n| calls |")
    assert file.read_text().endswith("|\n<!-- /bench-attribution -->\nafter\n")
