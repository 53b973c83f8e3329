"""What would have been told of the same records had nothing happened: the same pure classes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

from ...models import topics
from ...models.events import Alert, Call, DeadLetter
from ...models.wire import Codec, bundled
from ...streams.config import WorkerConfig
from ...streams.incidentmemory import IncidentMemory
from ...streams.memory import MemoryStore
from ...streams.stage import Headers
from .. import worker
from ..replay.recorded import Recorded
from ..replay.virtual import Stages, VirtualWorker
from ..settings import Settings
from .truth import Told, Truth, truth_of

__all__ = ["undisturbed"]


class _Hearing(VirtualWorker):
    """Keeps what is sent, in its order."""

    def __init__(self, stages: Stages, codec: Codec) -> None:
        super().__init__(stages, codec)
        self.codec = codec
        self.calls: list[Call] = []
        self.alerts: list[Alert] = []
        self.letters: list[DeadLetter] = []

    async def send(self, topic: str, key: bytes, value: bytes, headers: Headers) -> Awaitable[object]:
        if topic == topics.CALLS:
            self.calls.append(self.codec.decode(value, Call))
        elif topic == topics.ALERTS:
            self.alerts.append(self.codec.decode(value, Alert))
        elif topic == topics.DEADLETTER:
            self.letters.append(self.codec.decode(value, DeadLetter))
        return await super().send(topic, key, value, headers)


def undisturbed(records: Iterable[Recorded], settings: Settings, config: WorkerConfig) -> Truth:
    """The truth of a run whose records were these, in the order they were sent."""
    store = MemoryStore()
    stages = Stages(
        calls=worker.calls(settings, config),
        turns=worker.turns(settings, config, settings.findings.rules),
        incidents=worker.incidents(settings),
        store=store,
        groups=IncidentMemory(settings.incidents.windows),
        times=config.clock,
    )
    hearing = _Hearing(stages, bundled())
    found = asyncio.run(hearing.run(records))
    told = Told(calls=hearing.calls, alerts=hearing.alerts, incidents=found.incidents, letters=hearing.letters)
    return truth_of(told, asyncio.run(store.sessions()))
