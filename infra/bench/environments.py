"""Software of others that ours is measured beside: each in an environment of its own, with every version pinned."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError

__all__ = ["HOME", "Environment"]

HOME = Path(__file__).resolve().parents[2] / ".triptych" / "bench"
_STAMP = ".pins"  # holds the digest of what was installed
_INSTALL_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The package `name` as the file `pins` (of pip's requirements) fixes it and all that it needs."""

    name: str
    pins: Path
    home: Path = HOME

    @property
    def folder(self) -> Path:
        return self.home / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def version(self) -> str:
        """That of the package itself."""
        pins = self.pins.read_text().split()
        return next(pin.split("==")[1] for pin in pins if pin.startswith(f"{self.name}=="))

    @property
    def current(self) -> bool:
        """Whether it is installed with today's pins."""
        stamp = self.folder / _STAMP
        return stamp.exists() and stamp.read_text() == self._digest()

    def install(self, tell: Callable[[str], None]) -> None:
        """Install it where it is not current. Raises BenchError B02."""
        if self.current:
            return
        tell(f"installing {self.name}")
        shutil.rmtree(self.folder, ignore_errors=True)
        if uv := shutil.which("uv"):
            self._run(uv, "venv", "-q", "--python", sys.executable, str(self.folder))
            self._run(uv, "pip", "install", "-q", "--python", str(self.python), "-r", str(self.pins))
        else:
            self._run(sys.executable, "-m", "venv", str(self.folder))
            self._run(str(self.python), "-m", "pip", "install", "-q", "-r", str(self.pins))
        (self.folder / _STAMP).write_text(self._digest())

    def _digest(self) -> str:
        return hashlib.sha256(self.pins.read_bytes()).hexdigest()

    def _run(self, *argv: str) -> None:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_INSTALL_S)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BenchError(
                f"{self.name} cannot be installed: {last[:200]}", "--quick takes what is installed", code="B02"
            )
