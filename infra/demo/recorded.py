"""Plays a recorded story where the kernel may not be observed: its ring bytes go through the same decoder and binding
as live ones, in the rhythm in which they came. Only the wall clock is moved to now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from ...models import topics
from ...models.digest import Keyring
from ...models.events import AgentSpan, ExecutionBatch, ProtocolEvent
from ...models.wire import bundled
from ...producers.publish import Publisher
from ...producers.sensor.replay import replay
from .agent import Played
from .recording import Recording
from .story import Attack, Story
from .truth import Deed, read_truth

__all__ = ["Recorded"]

Observed = ProtocolEvent | AgentSpan | ExecutionBatch
Entry = tuple[str, str, Observed]  # topic, key, event

_EARLY_S = 0.01


class Recorded:
    """A performance, see act.Performance. `publisher` takes the records to the broker."""

    def __init__(self, recording: Recording, story: Story, publisher: Publisher) -> None:
        self._recording = recording
        self._publisher = publisher
        self._codec = bundled()
        self._entries = sorted(self._observed(), key=lambda entry: entry[2].wall_ns)
        self._starts = {name: wall_ns for name, _, wall_ns in recording.about.attacks}
        self.story = story

    async def harmless(self, on_turn: Callable[[Played], None]) -> None:
        sessions = {each.conversation: each for each in (*self.story.benign, *self.story.third_party)}
        turns = {
            trace: Played(sessions[conversation], number, trace)
            for conversation, number, trace in self._recording.about.turns
        }
        async for _, _, event in self._played(0, min(self._starts.values())):
            if isinstance(event, ProtocolEvent) and event.correlation_id in turns:
                on_turn(turns.pop(event.correlation_id))

    async def attack(self, attack: Attack) -> str:
        start = self._starts[attack.name]
        later = [other for other in self._starts.values() if other > start]
        async for _ in self._played(start, min(later, default=1 << 63)):
            pass
        return next(trace for name, trace, _ in self._recording.about.attacks if name == attack.name)

    def deeds(self) -> list[Deed]:
        return read_truth([self._recording.truth])

    def leaks(self) -> None:
        """Nothing that is played has a canary in it, so there is nothing to look for."""
        return

    def _observed(self) -> Iterator[Entry]:
        for record in self._recording.records:
            yield record.topic, record.key.decode(), self._codec.decode(record.value)
        for batch in replay(self._recording.sensor, Keyring.of_file(self._recording.key)):
            yield topics.EXECUTION, batch.workload, batch

    async def _played(self, start_ns: int, end_ns: int) -> AsyncIterator[Entry]:
        """Publish what was observed from `start_ns` to before `end_ns`, each when its time has come."""
        entries = [entry for entry in self._entries if start_ns <= entry[2].wall_ns < end_ns]
        shift_ns = time.time_ns() - entries[0][2].wall_ns
        for topic, key, event in entries:
            early_s = (event.wall_ns + shift_ns - time.time_ns()) / 1e9
            if early_s > _EARLY_S:
                await asyncio.sleep(early_s)
            self._publisher.send(topic, key, self._codec.encode(_moved(event, shift_ns)))
            yield topic, key, event
        self._publisher.flush(5)


def _moved(event: Observed, by_ns: int) -> Observed:
    moved = replace(event, wall_ns=event.wall_ns + by_ns)
    if isinstance(moved, AgentSpan):
        return replace(moved, started_ns=moved.started_ns + by_ns, ended_ns=moved.ended_ns + by_ns)
    return moved
