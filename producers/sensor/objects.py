"""The prebuilt objects of bpf/ and what they are made of. One of other sources than those beside it is never used."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from pathlib import Path

from .front_end import BPF_SOURCES
from .program import FEATURES, Feature, members_of

__all__ = ["MANIFEST", "digests", "find_object", "object_path", "preamble"]

MANIFEST = BPF_SOURCES / "objects.json"


def object_path(machine: str) -> Path:
    return BPF_SOURCES / f"sensor.{machine}.core.o"


def find_object() -> Path | None:
    """The prebuilt object for this machine, or None where there is none, or only one of other sources."""
    machine = platform.machine()
    path = object_path(machine)
    if not path.exists() or not MANIFEST.exists():
        return None
    return path if json.loads(MANIFEST.read_text()).get(path.name) == digests(path, machine) else None


def digests(path: Path, machine: str) -> dict[str, str]:
    """Digest of the object at `path`, and of everything it is made of."""
    parts = {source.name: source.read_bytes() for source in sorted(BPF_SOURCES.glob("*.[ch]"))}
    parts |= {"preamble": preamble(machine).encode(), path.name: path.read_bytes()}
    return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}


def preamble(machine: str) -> str:
    """O_* and HAS_* as relocations, and every WITH_*: the loader picks the programs that the running kernel has."""
    return "".join(f"#define {line}\n" for feature in FEATURES for line in _macros(feature, machine))


def _macros(feature: Feature, machine: str) -> Iterator[str]:
    members = members_of(feature, machine)
    offset = "OFFSET_OR_0" if feature.has else "OFFSET"
    yield from (f"O_{name} {offset}({structure}, {path})" for name, (structure, path) in members.items())
    if feature.has:
        exist = " && ".join(f"EXISTS({structure}, {path})" for structure, path in members.values())
        yield f"HAS_{feature.has} ({exist})"
    if feature.flag:
        yield feature.flag
