"""Which kernels the matrix boots: a series and an architecture each, and the packages Debian has of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["MATRIX", "Kernel", "Series", "candidates"]

_PACKAGE = r"linux-(image|binary)-(\d[^ ]*)-cloud-{}"


@dataclass(frozen=True, slots=True)
class Series:
    """Kernels of one series ("6.1", or "newest") for one Debian architecture."""

    name: str
    architecture: str

    @property
    def label(self) -> str:
        return f"{self.architecture} {self.name}"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One package with a kernel in it."""

    series: Series
    abi: str
    package: str


MATRIX: Sequence[Series] = (
    *(Series(name, "amd64") for name in ("5.10", "6.1", "6.12", "6.18", "7.0", "newest")),
    *(Series(name, "arm64") for name in ("5.10", "6.1", "6.12", "newest")),
)


def candidates(series: Series, packages: Iterable[str]) -> list[Kernel]:
    """The kernels of `series` among package names, newest first. Since 6.19 the image is in linux-binary-*."""
    found: dict[str, str] = {}
    for package in sorted(packages):  # binary before image: the latter then is a shell around it
        match = re.fullmatch(_PACKAGE.format(series.architecture), package)
        if match and _belongs(match[2], series.name):
            found.setdefault(match[2], package)
    return [Kernel(series, abi, found[abi]) for abi in sorted(found, key=_order, reverse=True)]


def _belongs(abi: str, series: str) -> bool:
    return series == "newest" or re.match(rf"{re.escape(series)}(?:[.+-]|$)", abi) is not None


def _order(abi: str) -> list[int]:
    """Versions in order: numbers, not letters. A rebuild for an older release sorts below the original."""
    plain, _, rebuilt = abi.partition("-0.deb")
    return [*(int(number) for number in re.findall(r"\d+", plain)), -1 if rebuilt else 0]
