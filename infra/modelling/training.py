"""A candidate from history: a replay finds what is normal in it, as a worker would have, and trains on that.

The same history, rules, settings and seed give the same arrays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ...models.model import Model, dump
from ...models.training import train
from ...models.turn import Turn
from ...streams.memory import MemoryStore
from ...streams.store import RedisStore
from ...streams.trainer import Trainer
from ..reading import Span
from ..replay.replaying import History, Memory, over
from ..settings import Settings

__all__ = ["from_history", "from_store", "write"]


def from_history(settings: Settings, history: History, *, seed: int, tell: Callable[[int], None]) -> Model:
    """Raises RecordingError for a history that cannot be replayed, TrainingError M08 for one with too few turns."""
    turns = asyncio.run(_normal_turns(settings, history, tell))
    return _trained(turns, seed)


def from_store(settings: Settings, url: str, span: Span, *, seed: int) -> Model:
    """Of the turns that the workers remember, those that began in the span."""
    turns = asyncio.run(_remembered(settings, url))
    return _trained([turn for turn in turns if _within(turn, span)], seed)


def write(model: Model, file: Path) -> None:
    """The numbers, and the manifest as .json beside them."""
    body, manifest = dump(model)
    file.write_bytes(body)
    file.with_suffix(".json").write_bytes(manifest)


async def _normal_turns(settings: Settings, history: History, tell: Callable[[int], None]) -> Sequence[Turn]:
    store = MemoryStore()
    await over(settings, history, settings.findings.rules, Memory(store, Trainer(store).run_if_due), tell)
    return await store.turns()


async def _remembered(settings: Settings, url: str) -> Sequence[Turn]:
    store = RedisStore(url, tenant=settings.findings.tenant)
    try:
        return await store.turns()
    finally:
        await store.close()


def _trained(turns: Sequence[Turn], seed: int) -> Model:
    times = [turn.calls[0].started_ns for turn in turns if turn.calls]
    return train(turns, seed=seed, trained_from=str(min(times, default=0)), trained_to=str(max(times, default=0)))


def _within(turn: Turn, span: Span) -> bool:
    at_ms = turn.calls[0].started_ns // 1_000_000 if turn.calls else 0
    return (span.since_ms is None or at_ms >= span.since_ms) and (span.until_ms is None or at_ms < span.until_ms)
