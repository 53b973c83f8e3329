"""Trains the model when a server has been seen by enough sessions, and again each time they have grown by half.

Call `run_if_due` from a timer of the worker's app, every few seconds (`app.timer(config.train_s)`); it returns at once
when nothing is due, and never raises for a store that is away. Training itself runs in a thread. All workers may call
it: one trains at a time, and the same turns give the same model. It judges at once: servers that are still learned wait
for it, and it was made of what the baselines count. One that finds less of tampered turns than the model in use is not
published, and the next one waits for the next step; what an operator wants to try first is a candidate (modelstore.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from ..models.baseline import PROVISIONAL
from ..models.model import Model
from ..models.tampering import finds_less
from ..models.training import TrainingError, train
from ..models.turn import Turn
from .known import Known, Wanted
from .stage import StoreAwayError

__all__ = ["Memory", "Trainer", "step_of"]

log = structlog.get_logger(__name__)
_GROWTH = 1.5


def step_of(sessions: int) -> int:
    """How many of the steps 40, 60, 90, 135 ... so many sessions have reached."""
    step, least = 0, PROVISIONAL
    while sessions >= least:
        step, least = step + 1, int(least * _GROWTH)
    return step


class Memory(Protocol):
    """What training asks of a store (store.py, memory.py). Raises StoreAwayError while it cannot be reached."""

    async def lookup(self, wanted: Wanted) -> Known: ...

    async def sessions(self) -> dict[str, int]: ...

    async def turns(self) -> Sequence[Turn]: ...

    async def publish(self, model: Model, steps: Mapping[str, int]) -> None: ...

    async def trained_steps(self) -> dict[str, int]: ...

    def training(self) -> AbstractAsyncContextManager[bool]: ...


class Trainer:
    """One per worker, over the same store as its stage."""

    def __init__(self, store: Memory, *, seed: int = 0) -> None:
        self._store = store
        self._seed = seed
        self._busy = asyncio.Lock()
        self._in_vain: dict[str, int] = {}
        self._refused: dict[str, int] = {}  # the steps of the model that was not published

    async def run_if_due(self) -> Model | None:
        """Train and publish when any server has reached a new step; the model that was published."""
        if self._busy.locked():
            return None
        async with self._busy:
            try:
                return await self._run()
            except StoreAwayError as error:
                log.warning("training waits for the store", error=error.what)
            except TrainingError as error:
                log.info("training waits for turns", error=error.what)
        return None

    async def _run(self) -> Model | None:
        sessions = await self._store.sessions()
        steps = {server: step_of(count) for server, count in sessions.items()}
        if sessions == self._in_vain or not _grown(steps, self._refused):
            return None
        if not _grown(steps, await self._store.trained_steps()):
            return None
        async with self._store.training() as mine:
            if not mine:
                return None
            self._in_vain = sessions  # the same sessions would only fail the same way again
            turns = await self._store.turns()
            times = [turn.calls[0].started_ns for turn in turns if turn.calls]
            span = (str(min(times, default=0)), str(max(times, default=0)))
            model = await asyncio.to_thread(train, turns, seed=self._seed, trained_from=span[0], trained_to=span[1])
            if worse := await self._worse(model):
                self._refused = steps
                log.warning("model not published", model=model.manifest.model_id, reasons=worse)
                return None
            await self._store.publish(model, steps)
        log.info("model published", model=model.manifest.model_id, sessions=model.manifest.sessions)
        return model

    async def _worse(self, model: Model) -> list[str]:
        current = (await self._store.lookup(Wanted())).model
        return list(finds_less(model.manifest.self_check, current.manifest.self_check)) if current else []


def _grown(steps: Mapping[str, int], trained: Mapping[str, int]) -> bool:
    return any(step > trained.get(server, 0) for server, step in steps.items())
