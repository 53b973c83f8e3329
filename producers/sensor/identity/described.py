"""Names that others chose, made fit to publish. Pure.

Labels and names are an attacker's text: cleaned and capped. What may hold a secret is told by its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ....models.events import Label
from ....models.text import clean

__all__ = ["at", "digest", "labels", "text"]

_LONGEST_NAME = 253  # a DNS subdomain, the longest name Kubernetes allows
_MOST_LABELS = 32
_LONGEST_LABEL = 128
_MOST_LOOKED_AT = 1024
# Of Kubernetes all values are of this shape. Docker's may be anything: a proxy's user list, a URL with a password.
_PLAIN = re.compile(r"[\w.-]{0,63}", re.ASCII)
_TELLING = re.compile(r"pass(?:w|phrase)|pwd|secret|token|credential|auth|cookie|api[-_.]?key|private", re.IGNORECASE)
_DIGEST = re.compile(r"(?:^|@|/)(sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128}))$")


def at(value: Any, *path: str) -> Any:
    """What stands at `path` of decoded JSON; None where there is nothing or something of another shape."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: Any, cap: int = _LONGEST_NAME) -> str | None:
    """`value` cleaned, at most `cap` characters; None unless it is a text with something in it."""
    return clean(value, cap) if isinstance(value, str) and value else None


def digest(reference: Any) -> str | None:
    """The digest at the end of an image reference or id, as `sha256:...`."""
    found = _DIGEST.search(reference) if isinstance(reference, str) else None
    return found[1] if found else None


def labels(given: Any) -> tuple[Label, ...]:
    """At most 32 labels, sorted by name; values of telling names, or of no plain shape, stand as their length."""
    if not isinstance(given, Mapping):
        return ()
    return tuple(sorted(_labels(given), key=lambda label: label.name)[:_MOST_LABELS])


def _labels(given: Mapping[Any, Any]) -> Iterator[Label]:
    for (name, value), _ in zip(given.items(), range(_MOST_LOOKED_AT), strict=False):
        if isinstance(name, str) and name and isinstance(value, str):
            is_plain = _PLAIN.fullmatch(value) and not _TELLING.search(name)
            yield Label(name=clean(name, _LONGEST_LABEL), value=value if is_plain else f"[{len(value)} chars]")
