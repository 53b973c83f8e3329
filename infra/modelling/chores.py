"""What a worker does for its models beside the stream: train when it is time, and look back at the latest turns."""

from __future__ import annotations

import asyncio
from itertools import count

import structlog

from ...models.changes import Change
from ...models.errors import TriptychError
from ...streams.stage import StoreAwayError
from ...streams.store import RedisStore
from ...streams.trainer import Trainer
from ..brokers import Broker
from ..settings import Settings
from . import auditing

__all__ = ["ModelChores"]

log = structlog.get_logger(__name__)
_LOOK_BACK = 12  # chores; a minute of them


class ModelChores:
    """Never raises for a store or a broker that is away."""

    def __init__(self, settings: Settings, store: RedisStore, broker: Broker) -> None:
        self._settings = settings
        self._store = store
        self._broker = broker
        self._trainer = Trainer(store)
        self._done = count()

    async def run_if_due(self) -> None:
        model = await self._trainer.run_if_due()
        if model is not None:
            await self._tell(auditing.trained(model.manifest))
        if next(self._done) % _LOOK_BACK == 0:
            try:
                await self._store.look_back()
            except StoreAwayError as error:
                log.warning("looking back waits for the store", error=error.what)

    async def _tell(self, change: Change) -> None:
        try:
            await asyncio.to_thread(auditing.tell, self._broker, self._settings, change)
        except TriptychError as error:
            log.error("audit event not sent", code=error.code, error=error.what)
