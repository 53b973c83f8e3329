"""The units are ones that systemd takes, and start commands that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S
from typer.main import get_command

from triptych.infra.cli.main import app
from triptych.infra.loading import load

UNITS = sorted((Path(__file__).resolve().parents[2] / "infra" / "systemd").rglob("*.service"))


def _started(unit: Path) -> Iterator[list[str]]:
    for line in re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE):
        yield line.split()[1:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.parent.name}/{unit.name}")
def test_a_unit_starts_a_command_with_options_that_it_has(unit: Path) -> None:
    (words,) = _started(unit)
    command: Any = get_command(app)
    while words and not words[0].startswith("-"):
        command = command.get_command(None, words.pop(0))
    options = {option for one in command.params for option in one.opts}
    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.parent.name}/{unit.name}")
def test_systemd_takes_a_unit_without_a_word(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@files")
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_units_for_a_user_and_for_a_machine() -> None:
    names = {(unit.parent.name, unit.name) for unit in UNITS}
    kinds = ("triptych-ship.service", "triptych-gateway-http@.service")
    assert names == {(place, kind) for place in ("system", "user") for kind in kinds} | {
        ("system", "triptych-worker@.service")
    }


@pytest.mark.parametrize("port", [18081, 18082])
def test_every_worker_of_a_machine_has_a_name_and_a_port_of_its_own(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (unit,) = (unit for unit in UNITS if unit.name == "triptych-worker@.service")
    (given,) = re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE)
    for pair in given.replace("%H", "host").replace("%i", str(port)).split():
        monkeypatch.setenv(*pair.split("="))
    worker = load().settings.worker
    assert (worker.instance, worker.health_port) == (f"host-{port}", port)
