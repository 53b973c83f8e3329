"""The benchmark itself, quickly: that it measures everything and loses nothing. Its figures are its own affair."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass(frozen=True)
class Run:
    """One quick run of a transport."""

    transport: str
    record: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return next(float(row["value"]) for row in self.record["rows"] if row["name"] == f"{self.transport} {name}")


@pytest.fixture(scope="module", params=["stdio", "http"])
def quick(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    results = tmp_path_factory.mktemp("results")
    options = ("--quick", "--only", request.param, "--results", str(results))
    argv = [sys.executable, "-m", "triptych.infra.bench.gateway", *options]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=580)
    assert done.returncode in {0, 1}, done.stderr  # so few calls prove no bar
    return Run(request.param, json.loads((results / "gateway.local.json").read_text()))


def test_the_record_has_the_agreed_shape(quick: Run) -> None:
    assert set(quick.record) == {"machine", "versions", "rows"}
    assert {frozenset(row) for row in quick.record["rows"]} == {frozenset({"name", "value", "unit", "bar", "ok"})}
    names = [row["name"] for row in quick.record["rows"]]
    assert len(names) == len(set(names))


def test_nothing_is_lost_in_large_results(quick: Run) -> None:
    assert quick["ours: 0.2 MB results, lost or altered"] == 0
