"""What is run under each tracer: loops of one system call, `find`, a compilation. As a user of its own, so that the
rules of other tools can name it and leave the rest of the machine alone."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BenchError

__all__ = ["PIECE", "USER", "Took", "Work", "Workshop"]

USER = 54_321
PIECE = 200  # loops.c measures that many at a time
_FILES = 1000
_PATIENCE_S = 120.0
_POLL_S = 0.02
_FUNCTIONS = 400
_START = 'read go; exec "$@"'
_SOURCE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/socket.h>
{functions}
"""
_FUNCTION = """
double f{number}(double *x, int n) {{
	double sum = {number};
	for (int i = 0; i < n; i++) sum += x[i] * {number} + sin(sum) / (i + 1);
	printf("%f\\n", sum);
	return sum;
}}"""


@dataclass(frozen=True, slots=True)
class Work:
    """`times` is how often it is done in one run, `calls` how many system calls one of these takes; 0 for a program."""

    name: str
    argv: tuple[str, ...]
    times: int = 1
    calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Nanoseconds: of a loop in all, and of one time in its quickest piece; of a program the processor time, that of
    a tracer in front of it included."""

    all_ns: float
    each_ns: float


class Workshop:
    """Source, files and programs of a run in `folder`. Raises BenchError where there is no compiler."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("cc") is None:
            raise BenchError("there is no C compiler", "apt-get install gcc libc6-dev", code="B02")
        self._loops = folder / "loops"
        self._home = folder / "home"
        self._home.mkdir()
        os.chown(self._home, USER, USER)
        folder.chmod(0o755)
        for number in range(_FILES):
            (self._home / str(number)).touch()
        functions = "".join(_FUNCTION.format(number=number) for number in range(_FUNCTIONS))
        (folder / "much.c").write_text(_SOURCE.format(functions=functions))
        source = Path(__file__).with_name("loops.c")
        subprocess.run(["cc", "-O2", "-o", self._loops, source], check=True, timeout=_PATIENCE_S)
        compiling = ("cc", "-O0", "-c", "-o", str(self._home / "much.o"), str(folder / "much.c"))
        self.compile = Work("compile", compiling)
        self.find = Work("find", ("find", "/usr/include", "/usr/share/doc", "-size", "+1G"))

    def loop(self, name: str, times: int, calls: int = 1) -> Work:
        return Work(name, (str(self._loops), name, str(times), str(self._home)), times, calls)

    def run(
        self,
        work: Work,
        prefix: Sequence[str] = (),
        before: Callable[[int], None] = lambda _: None,
        after: Callable[[], None] | None = None,
    ) -> Took:
        """`before` is told the process that will do it, and runs ahead of it; a loop
        does not end before `after` has run."""
        process = subprocess.Popen(
            [*prefix, "sh", "-c", _START, "sh", *work.argv] if not work.calls else [*prefix, *work.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            user=USER,
            group=USER,
            extra_groups=(),
            env=self._environment(),
        )
        time.sleep(0.02)  # whatever starting it takes is over
        before(process.pid)
        began = _children_ns()
        if after:
            _start_and_wait(process)
            after()
        said, _ = process.communicate(b"\n" if after or not work.calls else b"\n\n", timeout=_PATIENCE_S)
        if process.returncode:
            raise BenchError(f"{work.name} ended with status {process.returncode}")
        if not work.calls:
            spent = _children_ns() - began
            return Took(all_ns=spent, each_ns=spent)
        all_ns, least_ns = map(int, said.split())
        return Took(all_ns=all_ns, each_ns=least_ns / PIECE)

    def _environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self._home), "TMPDIR": str(self._home), "LC_ALL": "C"}


def _children_ns() -> float:
    """Processor time of all children that were waited for, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e9


def _start_and_wait(process: subprocess.Popen[bytes]) -> None:
    """A loop never sleeps, until it is through."""
    os.write(_input(process), b"\n")
    deadline = time.monotonic() + _PATIENCE_S
    time.sleep(_POLL_S)
    while _state(process.pid) != "S":
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError("a loop does not come to its end")
        time.sleep(_POLL_S)


def _input(process: subprocess.Popen[bytes]) -> int:
    if process.stdin is None:
        raise BenchError("a loop has no input")
    return process.stdin.fileno()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
