"""Looks for the planted canaries everywhere the product writes: topics, logs, spools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = ["in_bytes", "in_files"]


def in_bytes(canaries: Mapping[str, str], place: str, data: bytes) -> Iterator[str]:
    """`<canary> in <place>` for each canary that occurs in the bytes."""
    for name, canary in canaries.items():
        if canary.encode() in data:
            yield f"{name} in {place}"


def in_files(canaries: Mapping[str, str], folders: Iterable[Path]) -> Iterator[str]:
    """The same for every file below the folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield from in_bytes(canaries, str(path.relative_to(folder.parent)), path.read_bytes())
