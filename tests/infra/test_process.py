"""Child processes end with the block, by TERM first and by KILL where that is ignored."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from patience import eventually

from triptych.infra.errors import ProgramError
from triptych.infra.process import find, running, tail

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def test_the_pid_is_the_programs_own_and_gone_after_the_block(tmp_path: Path) -> None:
    with running(
        [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"], log=tmp_path / "log"
    ) as child:
        eventually(lambda: str(child.pid) in tail(tmp_path / "log"))
    assert child.returncode == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_child_that_ignores_term_is_killed(tmp_path: Path) -> None:
    with running([sys.executable, "-c", DEAF], log=tmp_path / "log", patience_s=0.2) as child:
        eventually(lambda: "deaf" in tail(tmp_path / "log"))
    assert child.returncode == -signal.SIGKILL


def test_a_child_ends_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="block"), running(["sleep", "60"], log=tmp_path / "log") as child:
        raise ValueError("block")
    assert child.returncode is not None


def test_a_missing_program_names_the_package_that_brings_it() -> None:
    with pytest.raises(ProgramError, match="P01 no-such-program") as caught:
        find("no-such-program", "some-package")
    assert caught.value.hint == "apt-get install some-package"


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\nb\nc\n")
    assert tail(tmp_path / "log", 2) == "b\nc"
    assert tail(tmp_path / "none") == ""
