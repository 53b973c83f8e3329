"""A server starts under the wrapper as it would under the client: descriptors, signals, scripts, and what runs out."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.producers.gateway.stdio.child import StartError, spawn

GATEWAY = shlex.join([sys.executable, "-m", "triptych.producers.gateway.stdio.main"])


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """What a client's shell sees; GATEWAY in the script stands for the wrapper with a spool of its own."""
    command = script.replace("GATEWAY", f"{GATEWAY} --spool {folder / 'spool'} --")
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_descriptor_of_the_client_is_never_taken_by_a_file_of_ours(tmp_path: Path, closed: str) -> None:
    done = shell(tmp_path, f"GATEWAY sh -c 'echo CANARY; echo CANARY >&2' {closed}; echo $?")
    assert done.stdout.splitlines() == (["0"] if ">&-" in closed.split() else ["CANARY", "0"])
    assert "Traceback" not in done.stderr
    assert not any(b"CANARY" in file.read_bytes() for file in (tmp_path / "spool").iterdir())


@pytest.mark.parametrize("trap", ["", "trap '' HUP; ", "trap '' INT QUIT; "])
def test_the_server_ignores_the_signals_that_it_would_ignore_without_us(tmp_path: Path, trap: str) -> None:
    asked = "grep SigIgn /proc/self/status"
    assert shell(tmp_path, f"{trap}GATEWAY {asked}").stdout == shell(tmp_path, trap + asked).stdout


@pytest.mark.parametrize("command", ["GATEWAY ./true 'a b'", "PATH=.:$PATH GATEWAY true 'a b'"])
def test_a_script_that_names_no_shell_runs_as_c_programs_run_it(tmp_path: Path, command: str) -> None:
    (tmp_path / "true").write_text('echo "$#:$1"\n')
    (tmp_path / "true").chmod(0o755)
    done = shell(tmp_path, command)
    assert (done.stdout, done.returncode) == ("1:a b\n", 0)


def test_without_a_descriptor_left_the_start_is_refused_in_words(tmp_path: Path) -> None:
    done = shell(tmp_path, "ulimit -n 9; exec GATEWAY cat")
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (
        126,
        ["triptych-gateway: G02 cannot run 'cat': Too many open files", "    try: raise the limit, or end something"],
    )


def test_a_command_that_fails_leaves_no_descriptor_behind() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(StartError):
        spawn(["/no/such/program"], {}).run()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
