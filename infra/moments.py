"""Points in time as a person writes them: `2026-11-20`, `2026-11-20T10:30Z`, or so long ago: `7d`, `2h`, `30m`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ..models.errors import ConfigError

__all__ = ["moment_ms", "written"]

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_LAST_MS = 253_402_300_799_000  # of the year 9999, where calendars end
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def moment_ms(text: str, now_ms: int) -> int:
    """Milliseconds since the Unix epoch; what names no zone is UTC. Raises ConfigError."""
    if (ago := _AGO.fullmatch(text)) is not None:
        return now_ms - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        when = datetime.fromisoformat(text)
        return int(when.replace(tzinfo=when.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{text!r} is no point in time", "2026-11-20, 2026-11-20T10:30Z, or 7d, 2h, 30m ago"
        ) from None


def written(at_ms: int) -> str:
    """A record's timestamp as a person reads it; a record may be dated as its producer likes."""
    return datetime.fromtimestamp(min(max(0, at_ms), _LAST_MS) / 1e3, UTC).isoformat(timespec="seconds")
