"""What a hundred calls ask of their server's baseline, in one round trip to a real Redis."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence

from ....models.baseline import turn_keys
from ....models.history import principal_of, session_of
from ....models.testing_traffic import sessions
from ....models.turn import Turn
from ....streams.known import Learn, Wanted
from ....streams.store import RedisStore
from ...settings import Redis
from ...stores import start
from ..report import Row
from ..run import Plan

__all__ = ["rows"]

_SERVER = "files"
_CALLS = 100
_BAR_MS = 3.0
_CHUNK = 50


def rows(plan: Plan) -> Iterator[Row]:
    """The best median of several rounds: the store is another process, so time is by the clock."""
    known, asked = sessions(30 if plan.quick else 400), _hundred()
    keys = tuple(dict.fromkeys(key for turn in asked for key in turn_keys(turn.calls, _SERVER)))
    plan.tell(f"{_CALLS} calls ask {len(keys)} facts")
    with start(Redis(provider="local")) as store:
        spent = asyncio.run(_measured(store.url, known, keys, rounds=3 if plan.quick else 15))
    yield Row(name=f"facts that {_CALLS} calls ask, each once", value=len(keys), unit="facts")
    yield Row(name=f"look-up for {_CALLS} calls, one round trip, p50", value=min(spent), unit="ms", at_most=_BAR_MS)


def _hundred() -> list[Turn]:
    """Turns of sessions that were never learned, with a hundred calls together."""
    turns: list[Turn] = []
    for turn in sessions(80, seed=3, first=5_000):
        if sum(len(one.calls) for one in turns) < _CALLS:
            turns.append(turn)
    return turns


async def _measured(url: str, known: Sequence[Turn], keys: tuple[str, ...], *, rounds: int) -> list[float]:
    store = RedisStore(url)
    try:
        for at in range(0, len(known), _CHUNK):
            await store.apply([_learned(turn) for turn in known[at : at + _CHUNK]])
        return [await _median(store, Wanted({_SERVER: keys})) for _ in range(rounds)]
    finally:
        await store.close()


def _learned(turn: Turn) -> Learn:
    keys = turn_keys(turn.calls, _SERVER, learned=True)
    return Learn(server=_SERVER, session=session_of(turn), principal=principal_of(turn), keys=keys, seen_ns=1)


async def _median(store: RedisStore, wanted: Wanted) -> float:
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        await store.lookup(wanted)
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent)
