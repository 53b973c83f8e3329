"""The package as a wheel brings it: with its hot modules compiled, in a folder of its own beside the peers."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..errors import BenchError

__all__ = ["COMPILED", "compiled"]

COMPILED = "compiled"
_ROOT = Path(__file__).resolve().parents[3]
_HOME = _ROOT / ".triptych" / "bench" / COMPILED
_PARTS = ("pyproject.toml", "README.md", "LICENSE", "avro", "bpf", "infra", "models", "producers", "streams")
_STAMP = ".sources"  # holds the digest of what was built
_BUILD_S = 900


def compiled(tell: Callable[[str], None], *, build: bool, home: Path = _HOME) -> Path | None:
    """The folder to put first in PYTHONPATH; None where today's sources are not built, or cannot be compiled here.

    Raises BenchError B02 where the wheel cannot be built at all.
    """
    today, stamp = _digest(), home / _STAMP
    if not stamp.exists() or stamp.read_text() != today:
        if not build:
            return None
        tell("compiling")
        _build(home)
        stamp.write_text(today)
    return home if any(home.rglob("*.so")) else None


def _build(home: Path) -> None:
    """From a copy: building in the repository itself would leave traces."""
    shutil.rmtree(home, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="bench-wheel-") as name:
        folder = Path(name)
        for part in _PARTS:
            _copy(_ROOT / part, folder / part)
        argv = (sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "out"), name)
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_BUILD_S)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BenchError(f"the wheel cannot be built: {last[:200]}", "infra/bootstrap --dev", code="B02")
        with zipfile.ZipFile(next((folder / "out").glob("*.whl"))) as wheel:
            wheel.extractall(home)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _digest() -> str:
    """Of all that is measured, and of how it is built."""
    files = [path for part in ("models", "producers", "streams", "infra/wheel") for path in (_ROOT / part).rglob("*.*")]
    found = hashlib.sha256((_ROOT / "pyproject.toml").read_bytes())
    for path in sorted(path for path in files if path.suffix in {".py", ".txt"}):
        found.update(path.read_bytes())
    return found.hexdigest()
