"""Boots one kernel after the other and gathers what each told. What cannot be had is a failed row, never left out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.errors import TriptychError
from . import image, machine, userland
from .catalogue import Kernel, Series, candidates
from .errors import KernelsError
from .guest import MARK
from .packages import Archive

__all__ = ["CACHE", "Row", "run"]

CACHE = Path.home() / ".cache" / "triptych" / "kernels"


@dataclass(frozen=True, slots=True)
class Row:
    """What one kernel gave: the guest's report, or why there is none."""

    series: Series
    abi: str
    told: Mapping[str, Any]
    error: str = ""


def run(series: Iterable[Series], cache: Path = CACHE) -> Iterator[Row]:
    """A row for each of `series`, in order. Raises KernelsError when the mirror or the emulators are missing."""
    if missing := machine.machines_missing():
        raise KernelsError(f"no {', '.join(missing)}", "apt-get install qemu-system-x86 qemu-system-arm")
    cache.mkdir(parents=True, exist_ok=True)
    archive = Archive(cache)
    archive.update()
    images: dict[str, Path] = {}
    for each in series:
        abi = ""
        try:
            kernel, file = _kernel(archive, each, cache)
            abi = kernel.abi
            if each.architecture not in images:
                images[each.architecture] = _image(archive, each.architecture, cache)
            yield Row(each, abi, _booted(each.architecture, file, images[each.architecture]))
        except TriptychError as error:
            yield Row(each, abi, {}, error.what)


def _booted(architecture: str, kernel: Path, initial: Path) -> Mapping[str, Any]:
    said = machine.boot(machine.Boot(architecture=architecture, kernel=kernel, image=initial))
    try:
        told: dict[str, Any] = json.loads("".join(machine.lines(said, MARK)))
    except ValueError as error:
        raise KernelsError(f"it told nothing, or broke off; last: {said[-400:]!r}", code="N03") from error
    if "error" in told:
        raise KernelsError(str(told["error"]), code="N03")
    return told


def _kernel(archive: Archive, series: Series, cache: Path) -> tuple[Kernel, Path]:
    """The newest kernel of the series that the mirror really has, and its image in the cache."""
    trouble = "no package"
    for kernel in candidates(series, archive.names(f"linux-.*-cloud-{series.architecture}", series.architecture)):
        target = cache / "images" / f"{series.architecture}-{kernel.abi}"
        if target.exists():
            return kernel, target
        try:
            deb = archive.fetch(kernel.package, series.architecture)
        except KernelsError as error:  # listed, but gone from the pool
            trouble = error.what
            continue
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            archive.unpack([deb], Path(folder))
            found = sorted(path for path in Path(folder).rglob("vmlinuz*") if path.is_file())
            if not found:
                raise KernelsError(f"{kernel.package} holds no kernel")
            shutil.move(found[0], target)
        return kernel, target
    raise KernelsError(f"{series.label}: {trouble}")


def _image(archive: Archive, architecture: str, cache: Path) -> Path:
    tree = cache / "trees" / architecture
    tree.parent.mkdir(exist_ok=True)
    userland.base(archive, architecture, tree)
    target = cache / f"guest-{architecture}.gz"
    with tempfile.TemporaryDirectory() as folder:
        userland.ours(Path(folder))
        target.write_bytes(image.pack(tree, Path(folder), init=userland.INIT))
    return target
