"""How a benchmark ends, and where its record goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from triptych.infra.bench.errors import BenchError
from triptych.infra.bench.machine import machine
from triptych.infra.bench.report import Row
from triptych.infra.bench.run import Measured, Plan, main

GOOD = Row(name="a", value=1, unit="us", at_most=2)
BAD = Row(name="b", value=3, unit="us", at_most=2)


def _run(tmp_path: Path, *arguments: str, rows: tuple[Row, ...] = (GOOD,), remarks: tuple[str, ...] = ()) -> int:
    def measure(_: Plan) -> Measured:
        return Measured(rows=rows, versions={"other": "7"}, remarks=remarks)

    return main("x", measure, packages=["orjson"], argv=["--results", str(tmp_path), *arguments])


def test_a_run_that_holds_its_bars_ends_with_0(tmp_path: Path) -> None:
    assert _run(tmp_path) == 0


def test_a_missed_bar_ends_the_run_with_1_and_stays_on_record(tmp_path: Path) -> None:
    assert _run(tmp_path, rows=(GOOD, BAD)) == 1
    assert [row["ok"] for row in json.loads((tmp_path / "x.json").read_text())["rows"]] == [True, False]


def test_what_cannot_be_measured_ends_with_2_a_code_and_no_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: Plan) -> Measured:
        raise BenchError("it answered b''")

    assert main("x", measure, argv=["--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("bench-x: B01 it answered")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--quick"], ["--only", "stdio"]])
def test_a_partial_run_never_replaces_the_record(tmp_path: Path, arguments: list[str]) -> None:
    _run(tmp_path, *arguments)
    assert [file.name for file in tmp_path.iterdir()] == ["x.local.json"]


def test_nor_does_a_run_that_could_not_measure_everything(tmp_path: Path) -> None:
    _run(tmp_path, remarks=("a sensor",))
    assert [file.name for file in tmp_path.iterdir()] == ["x.local.json"]


def test_the_record_names_machine_and_versions(tmp_path: Path) -> None:
    _run(tmp_path)
    record = json.loads((tmp_path / "x.json").read_text())
    assert set(record["versions"]) == {"python", "triptych", "orjson", "other"}
    assert set(record["machine"]) == {"cpu", "cores", "memory_gb", "kernel", "load"}


def test_the_machine_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.12.1-custom+host-17")
    assert machine()["kernel"] == "6.12"
