"""Which edition of a server answered: its image, and the version it claims. Counted like other facts, in sessions."""

from __future__ import annotations

from .events import Call
from .keys import key_of

__all__ = ["edition_key", "edition_keys", "editions"]

_ANY = "*"


def editions(call: Call) -> tuple[tuple[str, str], ...]:
    """What of its server's edition a call tells, as (kind, value)."""
    image = call.placement.image if call.placement else None
    told = (("image", image), ("version", call.server.claimed_version))
    return tuple((kind, value) for kind, value in told if value)


def edition_key(kind: str, value: str = _ANY) -> str:
    """The server ran in this edition; without a value in any that was told."""
    return key_of("edition", kind, value)


def edition_keys(call: Call) -> tuple[str, ...]:
    return tuple(key for kind, value in editions(call) for key in (edition_key(kind), edition_key(kind, value)))
