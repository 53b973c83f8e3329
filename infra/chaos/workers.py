"""Worker processes that are killed, frozen, asked to leave and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ..process import running, tail

__all__ = ["Workers"]

_LINES, _MOST = 50, 300
_CRASH = "Crashed reason"


@dataclass(slots=True)
class Workers:
    """Workers of one group, by name. `fixed`: whether a worker keeps its membership over a restart.

    One that ends by itself is started again, as a supervisor would; `ended` keeps their last words.
    """

    bootstrap: str
    redis_url: str
    group: str
    folder: Path
    fault: str = ""
    fixed: bool = True
    turn_gap_s: float = 8.0
    ended: list[str] = field(default_factory=list)
    _running: dict[str, tuple[subprocess.Popen[bytes], ExitStack]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return sorted(self._running)

    def start(self, *names: str) -> None:
        for name in names:
            stack = ExitStack()
            argv = [sys.executable, "-m", "triptych.infra.chaos.worker", "--group", self.group]
            argv += ["--bootstrap", self.bootstrap, "--redis-url", self.redis_url, "--fault", self.fault]
            argv += ["--turn-gap-s", str(self.turn_gap_s)]
            argv += ["--instance", name] if self.fixed else []
            self._running[name] = stack.enter_context(running(argv, log=self._log(name))), stack

    def kill(self, name: str) -> None:
        process, stack = self._running.pop(name)
        process.kill()
        stack.close()

    def leave(self, name: str) -> None:
        """Ask a worker to end, and wait until it has."""
        self._running.pop(name)[1].close()

    def freeze(self, name: str) -> None:
        self._running[name][0].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._running[name][0].send_signal(signal.SIGCONT)

    def tend(self) -> None:
        for name, (process, stack) in list(self._running.items()):
            if process.poll() is not None:
                stack.close()
                self.ended.append(_last_words(self._log(name)))
                self.start(name)

    def stop(self) -> None:
        for name in self.names:
            self.kill(name)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _last_words(log: Path) -> str:
    """The line that says why, where there is one; behind it comes what else was stopped."""
    lines = tail(log, _LINES).splitlines()
    return next((line for line in lines if _CRASH in line), lines[-1] if lines else "")[:_MOST]
