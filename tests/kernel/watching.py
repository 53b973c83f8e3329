"""The kernel half alone, watching one server: what it reports, event by event, before anything is joined."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from patience import eventually

from triptych.producers.sensor.binding import State
from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.loader import Kernel
from triptych.producers.sensor.watch import Watch

from .conftest import Server

__all__ = ["Watching", "of", "watching"]

SETTLE_S = 0.05
DEEDS = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from deeds import *; import deeds"


class Watching:
    """A server that is watched under one call at a time."""

    def __init__(self, watch: Watch, server: Server) -> None:
        self._watch = watch
        self._server = server
        self.root = server.process.pid
        self._epoch = 0
        server.do(DEEDS)
        watch.add(self.root, "test", State(0, 0))

    def during(self, code: str, is_whole: Callable[[list[KernelEvent]], object] = lambda _: True) -> list[KernelEvent]:
        """Run `code` in the server under a call of its own; what was seen of it, sums of files and flows included, once
        that is whole."""
        seen: list[KernelEvent] = []

        def arrived() -> object:
            seen.extend(self.take())
            return is_whole(seen)

        self._stamp(in_flight=1)
        self._server.do(code)
        time.sleep(SETTLE_S)
        eventually(arrived)
        self._stamp(in_flight=0)
        return seen

    def take(self) -> list[KernelEvent]:
        """What was seen since the last time."""
        found = self._watch.events(lambda _: self._epoch, time.monotonic_ns(), every_sum=True)
        return [event for event, count in found for _ in range(count)]

    def _stamp(self, *, in_flight: int) -> None:
        self._epoch += 1
        self._watch.stamp(self.root, State(self._epoch, in_flight))
        self.take()

    @property
    def epoch(self) -> int:
        return self._epoch

    def lost(self) -> int:
        return self._watch.lost(self.root)


@contextlib.contextmanager
def watching(kernel: Kernel) -> Iterator[Watching]:
    server = Server()
    watch = Watch(kernel)
    try:
        seen = Watching(watch, server)
        yield seen
        assert seen.lost() == 0
        watch.remove(server.process.pid)
    finally:
        server.close()


def of(
    events: list[KernelEvent], kind: str, about: Callable[[KernelEvent], bool] = lambda _: True
) -> list[KernelEvent]:
    return [event for event in events if event.kind == kind and about(event)]
