"""Child processes that never outlive us: the kernel ends them when we die; we end them by pid, TERM before KILL."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .errors import ProgramError

__all__ = ["find", "running", "tail"]

# Set in the child before it becomes the program: Popen's preexec_fn is unsafe beside librdkafka's threads.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    patience_s: float = 10.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` inside the block, output to `log`. Its pid is the program's own; it ends with the block or with us."""
    wrapped = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *argv]
    with log.open("ab") as out:
        process = subprocess.Popen(
            wrapped, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd
        )
    try:
        yield process
    finally:
        _stop(process, patience_s)


def _stop(process: subprocess.Popen[bytes], patience_s: float) -> None:
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find(program: str, package: str) -> str:
    """Path of a program. Raises ProgramError P01 naming the Debian package that brings it."""
    path = shutil.which(program)
    if path is None:
        raise ProgramError(f"{program} is not installed", f"apt-get install {package}")
    return path


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, for the error that speaks of it."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return ""
