"""What each capability gives: the table of bpf/README.md, row by row; and what is said where one is missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.infra.kernels import compare
from triptych.producers.sensor.front_end import BPF_SOURCES

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to let go of capabilities"),
]

NOBODY = 65534
WORDS = {True: "yes", False: "no"}
ROW = re.compile(r"^\| ((?:`CAP_\w+`(?:, )?)+) \| (.*) \|$", re.MULTILINE)
# Everything that the columns of the table ask, by one process that has let go of the rest.
ASK = """
import json, os, sys
from pathlib import Path
from triptych.infra.kernels.normalise import normalised
from triptych.infra.kernels.observe import observe
folder, process = Path(sys.argv[1]), Path("/proc", sys.argv[2])
def can(ask):
    try: ask()
    except PermissionError: return False
    return True
seen = observe("auto", folder)
print(json.dumps({
    "events": normalised(seen.records, seen.flows, seen.files, folder),
    "answers": [
        can(lambda: os.stat(process / "exe")),
        can(lambda: os.listdir(process / "fd")),
        can(lambda: (process / "exe").read_bytes()),
    ],
}))
"""
REQUIRE = """
from triptych.producers.sensor.probe import require
from triptych.models.errors import TriptychError
try:
    require()
except TriptychError as error:
    print(error)
"""


def _with(capabilities: list[str], code: str, *arguments: str) -> str:
    """What `code` prints as root of whose powers only `capabilities` are left."""
    wanted = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in capabilities)])
    sets = [f"--{name}={wanted}" for name in ("inh-caps", "ambient-caps", "bounding-set")]
    command = ["setpriv", "--securebits=+noroot,+noroot_locked", *sets, sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout


@pytest.fixture
def private(tmp_path: Path) -> Iterator[int]:
    """Process id of another user, whose program only its owner may read."""
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o500)
    os.chown(program, NOBODY, NOBODY)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    with subprocess.Popen([program, "60"], user=NOBODY, group=NOBODY, extra_groups=[]) as running:
        yield running.pid
        running.kill()


def _rows() -> dict[str, list[str]]:
    text = (BPF_SOURCES / "README.md").read_text()
    return {names: cells.split(" | ") for names, cells in ROW.findall(text)}


@pytest.mark.parametrize("names", _rows())
def test_a_capability_gives_what_its_row_says(names: str, private: int, tmp_path: Path) -> None:
    told = json.loads(_with(re.findall(r"CAP_\w+", names), ASK, str(tmp_path / "known"), str(private)))
    expected = compare.kinds(compare.read(compare.EXPECTED.read_text()).elements())
    answers = [compare.kinds(told["events"]) == expected, *told["answers"]]
    assert [WORDS[answer] for answer in answers] == _rows()[names]


def test_the_table_begins_with_the_two_that_are_enough() -> None:
    first = next(iter(_rows()))
    assert first == "`CAP_BPF`, `CAP_PERFMON`"
    assert _rows()[first][0] == "yes"


@pytest.mark.parametrize(
    ("left", "code", "missing"),
    [([], "S02", "CAP_BPF is"), (["CAP_PERFMON"], "S02", "CAP_BPF is"), (["CAP_BPF"], "S03", "CAP_PERFMON is")],
)
def test_the_one_that_is_missing_is_named(left: list[str], code: str, missing: str) -> None:
    said = _with(left, REQUIRE)
    assert said.startswith(f"{code} ")
    assert f"Operation not permitted; {missing} missing" in said
    assert "run as root, or grant" in said
