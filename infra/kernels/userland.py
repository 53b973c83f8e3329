"""What the guest runs on: Debian's Python and libbpf for its architecture, and this project's sensor."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from .packages import Archive

__all__ = ["INIT", "base", "ours"]

_PACKAGES = (
    "libc6",
    "libgcc-s1",
    "zlib1g",
    "libexpat1",
    "libffi8",
    "libelf1",
    "libbpf1",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3.11-minimal",
)
_SUITE = "bookworm"
_NEEDLESS = (
    "usr/share",
    "etc",
    "usr/lib/*/gconv",
    "usr/lib/python3.11/lib2to3",
    "usr/lib/python3.11/pydoc_data",
    "usr/lib/python3.11/distutils",
    "usr/lib/python3.11/unittest",
    "usr/lib/python3.11/xml",
)
_PARTS = ("bpf", "models", "producers/sensor", "infra/kernels")
_ROOT = Path(__file__).resolve().parents[2]
_HOME = "opt/triptych"
_BYTECODE_OF = (3, 11)

INIT = f"""#!/usr/bin/python3.11 -B
import os, sys
os.environ["PYTHONPATH"] = "/{Path(_HOME).parent}"
sys.path.insert(0, os.environ["PYTHONPATH"])
from triptych.infra.kernels.guest import main
main()
"""


def base(archive: Archive, architecture: str, target: Path) -> None:
    """The packages at `target`, without what nobody reads there, and their bytecode. Made once."""
    if target.exists():
        return
    making = target.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    archive.unpack((archive.fetch(name, architecture, _SUITE) for name in _PACKAGES), making)
    for pattern in _NEEDLESS:
        for path in making.glob(pattern):
            shutil.rmtree(path)
    _compile(making)
    making.rename(target)


def ours(target: Path) -> None:
    """This project's sensor at `target`, with its bytecode."""
    for part in _PARTS:
        shutil.copytree(
            _ROOT / part, target / _HOME / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for package in ("producers", "infra"):
        for module in (_ROOT / package).glob("*.py"):
            shutil.copy(module, target / _HOME / package)
    _compile(target)


def _compile(target: Path) -> None:
    """Compiling under emulation takes longer than the rest of the run. Left out where this Python is another one."""
    if sys.version_info[:2] != _BYTECODE_OF or not importlib.util.MAGIC_NUMBER:
        return
    subprocess.run(
        [sys.executable, "-m", "compileall", "-qq", "-j2", "--invalidation-mode", "unchecked-hash", str(target)],
        check=False,
        capture_output=True,
    )
