"""Words and values that every OCSF event of ours uses: ids beside captions, techniques, times, cleaned text."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Any

from .events import Severity
from .frameworks import Technique
from .text import clean

__all__ = ["ACTIVITY", "RISK_LEVEL", "SEVERITY", "Json", "attack", "confidence_level", "harmless", "ms", "product"]

Json = dict[str, Any]

_TEXT = 1024
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


def ms(wall_ns: int) -> int:
    """OCSF's milliseconds."""
    return wall_ns // 1_000_000


def confidence_level(score: int) -> tuple[int, str]:
    """Id and caption of a confidence from 0 to 100."""
    return next(entry[1:] for entry in _CONFIDENCE if score >= entry[0])


def product() -> Json:
    """What wrote the event."""
    return {"name": "Triptych", "vendor_name": "Triptych", "uid": "triptych", "version": installed("triptych")}


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


def harmless(value: Any) -> Any:
    """The document with every text cleaned: whoever renders it, terminal or page, meets no control character."""
    if isinstance(value, str):
        return clean(value, _TEXT)
    if isinstance(value, dict):
        return {key: harmless(item) for key, item in value.items()}
    return [harmless(item) for item in value] if isinstance(value, list) else value
