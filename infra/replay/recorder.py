"""Topics of a broker into a recording."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..reading import Reader, Span
from .folder import Folder

__all__ = ["record"]

_FLUSH_S = 1.0


def record(
    client: Mapping[str, Any],
    topics: Sequence[str],
    folder: Folder,
    span: Span,
    *,
    follow: bool = False,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Copy what the topics hold in `span`, and with `follow` what comes until KeyboardInterrupt.

    `tell` hears how many records are done and of how many. What is on disk is whole blocks at any time. Raises
    BrokerError K13, RecordingError E02.
    """
    with Reader(client, topics, span) as reader, folder:
        done, flushed = 0, time.monotonic()
        for one in reader.read(follow=follow):
            folder.add(one)
            done += 1
            if done % 1000 == 0 or follow:
                tell(done, reader.total)
            if follow and time.monotonic() - flushed > _FLUSH_S:
                folder.flush()
                flushed = time.monotonic()
        tell(done, reader.total)
