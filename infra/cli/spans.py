"""--since and --until as a span of time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..reading import Span

__all__ = ["span_of"]


def span_of(since: str, until: str) -> Span:
    """Raises ConfigError for what is no point in time, or an end before the beginning."""
    from ...models.errors import ConfigError  # noqa: PLC0415
    from ..moments import moment_ms  # noqa: PLC0415
    from ..reading import Span  # noqa: PLC0415

    now = int(time.time() * 1000)
    start, end = (moment_ms(text, now) if text else None for text in (since, until))
    if start is not None and end is not None and start >= end:
        raise ConfigError(f"--until {until} is not after --since {since}", "nothing lies between them")
    return Span(start, end)
