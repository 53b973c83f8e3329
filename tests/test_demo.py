"""The whole demo, as a user runs it: its own checks are the assertions, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from triptych.producers.sensor.probe import probe

pytestmark = [pytest.mark.demo, pytest.mark.timeout(600)]
NOBODY = 65534
UNPRIVILEGED = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all", "--")


def play(folder: Path, *options: str, before: tuple[str, ...] = ()) -> tuple[int, dict[str, Any], str]:
    """Exit code, outcome and progress of one run whose temporary files all lie in `folder`."""
    command = [*before, sys.executable, "-m", "triptych.infra.cli.main", "demo", "--json", *options]
    environment = {**os.environ, "TMPDIR": str(folder), "HOME": str(folder)}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout), done.stderr


def failed(outcome: dict[str, Any]) -> list[str]:
    return [f"{check['name']}: {check['detail']}" for check in outcome["checks"] if not check["ok"]]


def processes_that_name(folder: Path) -> list[str]:
    """Command lines of running processes with `folder` in them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if str(folder) in line]


@pytest.fixture
def observed(require: Callable[[str, str], NoReturn]) -> None:
    for need in probe():
        if not need.ok:
            require("kernel", f"{need.code} {need.detail}")


@pytest.mark.kernel
@pytest.mark.usefixtures("observed")
@pytest.mark.parametrize("kafka", ["embedded", pytest.param("local", marks=pytest.mark.broker)])
def test_the_demo_finds_each_attack_once_and_leaves_nothing_behind(
    tmp_path: Path, kafka: str, ocsf_problems: Callable[[dict[str, Any], str], list[str]]
) -> None:
    code, outcome, _ = play(tmp_path, "--kafka", kafka)
    assert (code, failed(outcome)) == (0, [])
    assert len(outcome["findings"]) == 2
    assert {record["finding_info"]["uid"] for record in outcome["ocsf"]} == {one["uid"] for one in outcome["findings"]}
    assert [problem for record in outcome["ocsf"] for problem in ocsf_problems(record, "1.8.0")] == []
    assert processes_that_name(tmp_path) == []
    assert list(tmp_path.glob("triptych-*")) == []


def test_without_privileges_the_recorded_story_is_told_and_the_demo_says_so(
    tmp_path: Path, require: Callable[[str, str], NoReturn]
) -> None:
    if os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as folder:  # nobody else may enter the folders of a test
            os.chown(folder, NOBODY, NOBODY)
            code, outcome, said = play(Path(folder), before=UNPRIVILEGED)
    elif all(need.ok for need in probe()):
        require("demo", "this user may observe the kernel, and cannot give that up")
    else:
        code, outcome, said = play(tmp_path)
    assert (code, failed(outcome)) == (0, [])
    assert "recorded" in said
