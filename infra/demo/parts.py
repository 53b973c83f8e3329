"""The processes of the demo: each is the product's own command, and none counts as started before it answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..process import running, tail
from .errors import DemoError

__all__ = ["Part", "accepts", "answers", "await_ready", "part", "triptych"]

_READY_S = 30.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """One running process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def must_live(self) -> None:
        """Raises DemoError X02, with the end of its log, when the process has ended."""
        if self.process.poll() is not None:
            ended = f"the {self.name} ended with status {self.process.returncode}"
            raise DemoError(f"{ended}:\n{tail(self.log, 20)}", "triptych doctor", code="X02")


def triptych(settings: Path, *arguments: str) -> list[str]:
    """The command line of one of our own commands, under this interpreter."""
    return [sys.executable, "-m", "triptych.infra.cli.main", "--config", str(settings), *arguments]


@contextmanager
def part(name: str, argv: Sequence[str], logs: Path) -> Iterator[Part]:
    """Run a process until the block ends. It may not be ready yet: see await_ready."""
    log = logs / f"{name}.log"
    with running(argv, log=log) as process:
        yield Part(name, process, log)


def await_ready(part: Part, ready: Callable[[], bool]) -> None:
    """Wait until `ready` says so. Raises DemoError X01 or X02, with the end of the part's log."""
    deadline = time.monotonic() + _READY_S
    while not ready():
        part.must_live()
        if time.monotonic() > deadline:
            late = f"the {part.name} was not ready in {_READY_S:.0f} s:\n{tail(part.log)}"
            raise DemoError(late, "triptych doctor")
        time.sleep(_POLL_S)


def accepts(path: Path) -> bool:
    """Whether somebody listens on this SOCK_SEQPACKET socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def answers(url: str) -> bool:
    """Whether an HTTP service answers this loopback address with 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - only http addresses of our own parts
            return 200 <= int(response.status) < 300
    except (OSError, urllib.error.HTTPError):
        return False
