"""What measures: a client of one contender, over whichever transport. Times come from its own clock only."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..errors import BenchError

__all__ = ["Client", "Killable", "Span", "undisturbed", "watched"]


@dataclass(frozen=True, slots=True)
class Span:
    """How long something took, and how much of a processor it took of the client itself, in seconds."""

    seconds: float
    own: float


class Client(Protocol):
    """Speaks MCP to one contender. An error in place of a result, or an end, is a BenchError."""

    def ask(self, message: bytes) -> bytes:
        """Send one message and return its whole reply, without framing."""

    def one_by_one(self, messages: Sequence[bytes]) -> list[float]:
        """Microseconds from sending each message to having read its reply."""

    def at_once(self, messages: Sequence[bytes], in_flight: int) -> Span:
        """Get every message answered with so many always open."""


class Killable(Protocol):
    """A process that can be ended."""

    def kill(self) -> None:
        """At once."""


@contextmanager
def watched(process: Killable, patience_s: float = 120.0) -> Iterator[None]:
    """A contender that hangs is killed, so that the read which waits for it ends, with a BenchError."""
    hung = threading.Event()

    def end() -> None:
        hung.set()
        process.kill()

    watchdog = threading.Timer(patience_s, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except (OSError, BenchError) as error:
        what = error.what if isinstance(error, BenchError) else str(error)
        raise BenchError(f"no reply within {patience_s:.0f} s" if hung.is_set() else what) from error
    finally:
        watchdog.cancel()


@contextmanager
def undisturbed() -> Iterator[Callable[[], Span]]:
    """No garbage collection of ours in here. Gives the span since its begin."""
    gc.collect()
    gc.disable()
    began, own = time.perf_counter(), time.process_time()
    try:
        yield lambda: Span(time.perf_counter() - began, time.process_time() - own)
    finally:
        gc.enable()
