"""A quarantined turn as the store keeps it: one JSON object with the writes that a release carries out."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any

import orjson

from ..models.errors import TriptychError
from .known import Learn, Quarantine, Remember, Sampled

__all__ = ["HeldError", "from_json", "to_json"]

_LESSONS: dict[str, type[Learn | Remember | Sampled]] = {"learn": Learn, "remember": Remember, "sampled": Sampled}
_KIND = {kind: name for name, kind in _LESSONS.items()}


class HeldError(TriptychError):
    """A quarantined turn that this version cannot read: J08."""

    code = "J08"


def to_json(held: Quarantine) -> bytes:
    plain = {name: getattr(held, name) for name in ("turn", "findings", "seen_ns", "alike", "principal", "by_score")}
    unusual = {server: list(facts) for server, facts in held.unusual.items()}
    return orjson.dumps({**plain, "unusual": unusual, "lessons": [_plain(lesson) for lesson in held.lessons]})


def from_json(data: bytes) -> Quarantine:
    """Raises HeldError."""
    try:
        plain = orjson.loads(data)
        return Quarantine(
            turn=plain["turn"],
            findings=tuple(plain["findings"]),
            seen_ns=plain["seen_ns"],
            lessons=tuple(map(_lesson, plain["lessons"])),
            unusual={server: tuple(facts) for server, facts in plain["unusual"].items()},
            alike=plain["alike"],
            principal=plain["principal"],
            by_score=plain["by_score"],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HeldError(f"a quarantined turn cannot be read: {type(error).__name__}") from error


def _plain(lesson: Learn | Remember | Sampled) -> dict[str, Any]:
    plain = asdict(lesson)
    if "body" in plain:
        plain["body"] = b64encode(plain["body"]).decode()
    return {"kind": _KIND[type(lesson)], **plain}


def _lesson(plain: dict[str, Any]) -> Learn | Remember | Sampled:
    kind = _LESSONS[plain.pop("kind")]
    if "body" in plain:
        plain["body"] = b64decode(plain["body"])
    if "keys" in plain:
        plain["keys"] = tuple(plain["keys"])
    return kind(**plain)
