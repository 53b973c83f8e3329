"""What is compared: a server to dial directly, and a gateway in front of it, each a process of its own."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ProgramError
from ..process import running, tail

__all__ = ["everything", "gateway", "started"]

_URL = re.compile(r"https?://[\w.\[\]:-]+\d(?:/\S*)?")
_PATIENCE_S = 30.0


@contextlib.contextmanager
def everything() -> Iterator[str]:
    """URL of the suite's server."""
    with started([sys.executable, "-m", f"{__package__}.everything"]) as url:
        yield url


@contextlib.contextmanager
def gateway(upstream: str) -> Iterator[str]:
    """URL of the same endpoint behind a gateway of its own, with everything it does switched on."""
    with tempfile.TemporaryDirectory() as spool:
        command = [sys.executable, "-m", f"{__package__}.front", upstream, spool]
        with started(command) as front:
            parts = urlsplit(front)
            yield urlsplit(upstream)._replace(netloc=parts.netloc).geturl()


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[str]:
    """Run a program that prints its address once it listens. Raises ProgramError P02 when it does not."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running(command, log=log) as process:
            deadline = time.monotonic() + _PATIENCE_S
            while (found := _URL.search(log.read_text(errors="replace"))) is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ProgramError(f"{command[2]} did not listen:\n{tail(log)}", code="P02")
                time.sleep(0.02)
            yield found[0]
