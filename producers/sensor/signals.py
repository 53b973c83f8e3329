"""SIGTERM and SIGINT as a wish to end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

__all__ = ["stopping"]


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Both signals call `stop` meanwhile; only a main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
