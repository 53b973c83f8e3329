"""Words and values that every OCSF event of ours uses: ids beside captions, techniques, times, cleaned text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version as installed
from typing import Any

import orjson

from .errors import ConfigError
from .events import Severity
from .frameworks import Technique
from .text import inert

__all__ = [
    "ACTIVITY", "CAP", "DEFAULT", "RISK_LEVEL", "SEVERITY", "TEXT", "VERSIONS", "Json", "attack", "check_version",
    "confidence_level", "harmless", "has", "ms", "product", "release", "shortened",
]  # fmt: skip

Json = dict[str, Any]

VERSIONS = ("1.8.0", "1.9.0", "1.5.0")
DEFAULT = "1.8.0"
CAP = 60_000  # bytes of a line: Wazuh drops what is longer than 65,535
TEXT = 1024  # characters of a text
ACTIVITY = {"create": (1, "Create"), "update": (2, "Update"), "close": (3, "Close")}
SEVERITY: dict[Severity, tuple[int, str]] = {
    "unknown": (0, "Unknown"),
    "informational": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
RISK_LEVEL: dict[Severity, tuple[int, str]] = {
    "informational": (0, "Info"),
    "low": (1, "Low"),
    "medium": (2, "Medium"),
    "high": (3, "High"),
    "critical": (4, "Critical"),
}
_CONFIDENCE = ((75, 3, "High"), (40, 2, "Medium"), (0, 1, "Low"))


def check_version(version: str) -> None:
    """Raises ConfigError for an OCSF version that is not one of VERSIONS."""
    if version not in VERSIONS:
        allowed = ", ".join(VERSIONS)
        raise ConfigError(f"OCSF {version} cannot be written", f"set findings.ocsf_version to one of {allowed}")


def has(version: str, since: str) -> bool:
    """Whether a version knows what came with the version `since`."""
    return tuple(map(int, version.split("."))) >= tuple(map(int, since.split(".")))


def ms(wall_ns: int) -> int:
    """OCSF's milliseconds."""
    return wall_ns // 1_000_000


def confidence_level(score: int) -> tuple[int, str]:
    """Id and caption of a confidence from 0 to 100."""
    return next(entry[1:] for entry in _CONFIDENCE if score >= entry[0])


@cache
def release() -> str:
    """Our version: the installation takes longer to say it than all else of a finding."""
    return installed("triptych")


def product() -> Json:
    """What wrote the event."""
    return {"name": "Triptych", "vendor_name": "Triptych", "uid": "triptych", "version": release()}


def attack(technique: Technique) -> Json:
    """A technique as OCSF's attack object, with its version."""
    own = {"uid": technique.id, "name": technique.name}
    parent = technique.parent
    entry: Json = {"version": technique.version}
    if parent is not None:
        entry |= {"technique": {"uid": parent.id, "name": parent.name}, "sub_technique": own}
    else:
        entry["technique"] = own
    if technique.tactics:
        uid, name = technique.tactics[0]
        entry["tactic"] = {"uid": uid, "name": name}
    return entry


def harmless(value: Any, cap: int = TEXT) -> Any:
    """The document with every text inert and at most `cap` characters: whatever renders it, terminal, page or
    spreadsheet, meets words only."""
    if isinstance(value, str):
        return inert(value, cap)
    if isinstance(value, dict):
        return {key: harmless(item, cap) for key, item in value.items()}
    return [harmless(item, cap) for item in value] if isinstance(value, list | tuple) else value


def shortened(attempts: Iterable[tuple[Json, int]], version: str) -> bytes:
    """The first document below CAP, as one line; each comes with its cap of characters a text.

    What was shortened says so, and how long the whole would be: in `metadata`, before OCSF 1.6 in `unmapped`.
    """
    whole, line = 0, b""
    for document, cap in attempts:
        if whole:
            owner = document["metadata"] if has(version, "1.6.0") else document["unmapped"]
            owner |= {"is_truncated": True, "untruncated_size": whole}
        line = orjson.dumps(harmless(document, cap))
        if len(line) < CAP:
            break
        whole = whole or len(line)
    return line
