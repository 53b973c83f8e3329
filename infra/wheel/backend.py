"""The build backend: setuptools, and in wheels the hot modules compiled by mypyc.

Needs a C compiler and Python's headers. Without them, when compiling fails, or with the setting `compile=no`, the wheel
is pure Python and says so; it runs the same code. Editable installs are always pure. `optimize=0` has the C compiler
hurry: code that runs the same, slower.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import setuptools  # type: ignore[import-untyped]
from setuptools import build_meta
from setuptools.build_meta import (  # type: ignore[import-untyped]
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, Any] | None
_ROOT = Path(__file__).resolve().parents[2]
_MYPY = "mypy==2.4.1"  # exact: it decides what the compiled code does
_LIBRARY = "triptych.producers.gateway.compiled"  # inside the package: a wheel adds nothing beside it
_MODULES = Path(__file__).with_name("compiled.txt")
_OPTIONS = ("--explicit-package-bases", "--namespace-packages", "--ignore-missing-imports", "--follow-imports=silent")


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What must be installed to build a wheel here."""
    required: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    return required if _lacking(config_settings) else [*required, _MYPY]


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """The file name of the wheel, compiled where that is possible."""
    build = partial(build_meta.build_wheel, wheel_directory, config_settings, metadata_directory)
    lack = _lacking(config_settings)
    if not lack:
        try:
            with _compiled((config_settings or {}).get("optimize", "3")):
                name: str = build()
        except (Exception, SystemExit) as error:  # mypyc exits where it cannot go on
            lack = f"compiling failed: {error}"
        else:
            _say("compiled the hot modules")
            return name
    _say(f"it stays pure Python: {lack}")
    pure: str = build()
    return pure


def _lacking(config_settings: Settings) -> str:
    """Why nothing is compiled here; empty where it can be."""
    if (config_settings or {}).get("compile") == "no":
        return "compile=no"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"no C compiler {compiler}"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "no Python headers (python3-dev)"
    return ""


@contextlib.contextmanager
def _compiled(level: str) -> Iterator[None]:
    """Within it setuptools builds our extensions too. `level`: how much the C compiler optimizes, 0 to 3."""
    from mypyc.build import mypycify  # noqa: PLC0415 - only there where something is compiled

    with tempfile.TemporaryDirectory(prefix="triptych-wheel-") as folder:
        _mirrored(Path(folder) / "triptych")
        with contextlib.chdir(folder):
            files = [f"triptych/{line}" for line in _MODULES.read_text().split()] + _written(folder)
            extensions = mypycify(
                [*_OPTIONS, *files], target_dir=f"{folder}/c", group_name=_LIBRARY, opt_level=level, debug_level="0"
            )
        with patch.object(setuptools, "setup", partial(setuptools.setup, ext_modules=extensions)):
            yield


def _mirrored(package: Path) -> None:
    """The package by links, in folders of its own where we add something."""
    for folder, place in ((_ROOT, package), (_ROOT / "models", package / "models")):
        place.mkdir()
        for path in folder.iterdir():
            if path != _ROOT / "models":
                (place / path.name).symlink_to(path)


def _written(folder: str) -> list[str]:
    """What models/specialised.py makes for the schemas of stage 1 when a worker starts, as modules instead."""
    argv = (sys.executable, "-m", "triptych.infra.wheel.written", "triptych/models")
    environment = dict(os.environ) | {"PYTHONPATH": folder}
    made = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return made.stdout.split()


def _say(text: str) -> None:
    print(f"triptych: {text}", file=sys.stderr)
