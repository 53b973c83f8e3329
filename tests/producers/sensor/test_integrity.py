"""What is said of a file is said of the file the kernel reported, or nothing is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from triptych.producers.sensor import processes
from triptych.producers.sensor.examiner import Examiner
from triptych.producers.sensor.integrity import Inspector
from triptych.producers.sensor.proof import UNPROVEN, Subject

BOUND = 1 << 30
NOBODY = 65534


@pytest.fixture
def program() -> Iterator[Subject]:
    """A running program, as its exec reported it."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    executable = Path(f"/proc/{process.pid}/exe")
    yield Subject(
        number=1,
        pid=process.pid,
        start_ns=processes.start_ns(process.pid) or 0,
        root=os.getpid(),
        uid=0,
        inode=executable.stat().st_ino,
        path=os.fsencode(executable.readlink()),
        is_program=True,
    )
    process.kill()
    process.communicate()


def _library(path: Path, uid: int) -> Subject:
    """A library that this process opened on behalf of `uid`."""
    return Subject(
        number=1,
        pid=os.getpid(),
        start_ns=processes.start_ns(os.getpid()) or 0,
        root=os.getpid(),
        uid=uid,
        inode=path.stat().st_ino,
        path=os.fsencode(path),
        is_program=False,
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A file of ours in a folder that only we may write."""
    folder = tmp_path / "lib"
    folder.mkdir(mode=0o755)
    (folder / "x.so").write_bytes(b"\x7fELF")
    (folder / "x.so").chmod(0o644)
    return folder / "x.so"


def test_a_program_is_hashed_as_it_runs(program: Subject) -> None:
    content = Path(os.fsdecode(program.path)).read_bytes()
    assert Inspector(BOUND).look(program).sha256 == hashlib.sha256(content).hexdigest()


def test_an_exchanged_file_is_not_taken_for_the_one_that_ran(program: Subject) -> None:
    assert Inspector(BOUND).look(replace(program, inode=program.inode + 1)) == UNPROVEN


def test_a_process_that_is_gone_is_found_through_its_server(program: Subject) -> None:
    gone = replace(program, start_ns=program.start_ns + 10_000_000)  # its id was used again
    assert Inspector(BOUND).look(gone).sha256 is not None
    assert Inspector(BOUND).look(replace(gone, root=1 << 30)) == UNPROVEN


def test_a_file_beyond_the_bound_is_not_hashed(program: Subject) -> None:
    proof = Inspector(1).look(program)
    assert (proof.sha256, proof.writable) == (None, False)


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    inspector = Inspector(BOUND)
    found = []
    for content in (b"one", b"one", b"two"):
        if not tool.exists() or tool.read_bytes() != content:
            tool.write_bytes(content)
        found.append(inspector.look(replace(_library(tool, 0), is_program=True)).sha256)
    assert found == [hashlib.sha256(content).hexdigest() for content in (b"one", b"one", b"two")]


def test_a_fifo_in_place_of_a_library_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.so")
    assert Inspector(BOUND).look(replace(_library(tmp_path / "x.so", 0), is_program=True)) == UNPROVEN


def test_a_link_to_a_library_is_not_followed(library: Path) -> None:
    link = library.with_name("link.so")
    link.symlink_to(library)
    assert Inspector(BOUND).look(_library(link, 0)) == UNPROVEN


@pytest.mark.skipif(os.getuid() != 0, reason="gives files away, so it needs root")
@pytest.mark.parametrize(
    ("owner", "file_mode", "folder_mode", "uid", "writable"),
    [
        (0, 0o644, 0o755, NOBODY, False),
        (NOBODY, 0o444, 0o755, NOBODY, True),
        (0, 0o666, 0o755, NOBODY, True),
        (0, 0o644, 0o777, NOBODY, True),
        (0, 0o644, 0o1777, NOBODY, False),
        (0, 0o644, 0o755, 0, False),
        (NOBODY, 0o644, 0o755, 0, True),
        (0, 0o644, 0o777, 0, True),
    ],
)
def test_who_may_write_a_library_or_replace_it(
    library: Path, *, owner: int, file_mode: int, folder_mode: int, uid: int, writable: bool
) -> None:
    os.chown(library, owner, 0)
    library.chmod(file_mode)
    library.parent.chmod(folder_mode)
    assert Inspector(BOUND).look(_library(library, uid)).writable is writable


def test_the_examiner_answers_every_question_and_refuses_what_is_too_much(
    program: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.producers.sensor.examiner._MOST_WAITING", 1)
    examiner = Examiner(Inspector(BOUND))
    for number in range(50):
        examiner.ask(replace(program, number=number))
    answered: dict[int, object] = {}
    while len(answered) < 50:
        answered |= dict(examiner.proofs())
    examiner.close()
    assert sorted(answered) == list(range(50))
    assert sum(proof == UNPROVEN for proof in answered.values()) == examiner.refused > 0
