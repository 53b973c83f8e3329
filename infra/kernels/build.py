"""Builds the prebuilt objects of bpf/ with clang, and the manifest that says of what sources they are made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ...models.errors import TriptychError
from ...producers.sensor.front_end import BPF_SOURCES
from ...producers.sensor.objects import MANIFEST, digests, object_path, preamble
from ...producers.sensor.probe import MACHINES
from .errors import KernelsError

__all__ = ["build", "main"]

_TARGETS = {"x86_64": "__TARGET_ARCH_x86", "aarch64": "__TARGET_ARCH_arm64"}
# What the loader sets anew from the plan; here only something that compiles.
_SIZES = ("RING_PAGES=1024", "WATCHED_MAX=65536", "FLOWS_MAX=16384", "FILES_MAX=16384")
_COMPILERS = ("clang", "clang-14", "clang-15", "clang-16", "clang-19")
_STRIPPERS = ("llvm-strip", "llvm-strip-14", "llvm-strip-15", "llvm-strip-16", "llvm-strip-19")


def build(machine: str, target: Path) -> None:
    """Compile the object for `machine`. Raises KernelsError N02."""
    compiler, stripper = _tool(_COMPILERS, "clang libbpf-dev"), _tool(_STRIPPERS, "llvm")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for part in BPF_SOURCES.glob("*.[ch]"):  # compiled where every name is short: the object keeps them
            shutil.copy(part, place)
        (place / "offsets.core.h").write_text(preamble(machine))
        (place / "sensor.c").write_text('#include "core.h"\n#include "offsets.core.h"\n#include "sensor.body.c"\n')
        options = [f"-D{_TARGETS[machine]}", *(f"-D{size}" for size in _SIZES), "-ffile-compilation-dir=."]
        # v2 runs on every kernel with a ring buffer.
        options += ["-O2", "-g", "-target", "bpf", "-mcpu=v2", "-Wall", "-Wno-unused"]
        # Linux 6.1 and older take a loop only when a jump closes it, not when its end falls into its head.
        options += ["-mllvm", "-disable-block-placement"]
        _run([compiler, *options, "-c", "sensor.c", "-o", str(target)], place)
        _run([stripper, "--strip-debug", str(target)], place)


def main() -> None:
    made = {}
    for machine in MACHINES:
        path = object_path(machine)
        try:
            build(machine, path)
        except TriptychError as error:
            sys.exit(str(error))
        made[path.name] = digests(path, machine)
    MANIFEST.write_text(json.dumps(made, indent=2) + "\n")


def _tool(names: tuple[str, ...], packages: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise KernelsError(f"no {names[0]}", f"apt-get install {packages}", code="N02")
    return found


def _run(command: list[str], place: Path) -> None:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KernelsError(f"{Path(command[0]).name}: {done.stderr.strip()[-3000:]}", code="N02")


if __name__ == "__main__":
    main()
