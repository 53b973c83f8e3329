"""A store that knows the server already: its baseline from made-up sessions, and a model trained on them."""

from __future__ import annotations

import asyncio

from ....models.baseline import turn_keys
from ....models.history import principal_of, session_of
from ....models.testing_traffic import sessions
from ....models.training import train
from ....streams.known import Learn
from ....streams.store import RedisStore
from .traffic import SERVER

__all__ = ["teach"]

_SESSIONS = 48


def teach(url: str, tenant: str) -> None:
    """Fill the store of a tenant."""
    asyncio.run(_teach(url, tenant))


async def _teach(url: str, tenant: str) -> None:
    turns = sessions(_SESSIONS, server=SERVER)
    store = RedisStore(url, tenant=tenant)
    try:
        await store.apply(
            [
                Learn(
                    server=SERVER,
                    session=session_of(turn),
                    principal=principal_of(turn),
                    keys=turn_keys(turn.calls, SERVER, learned=True),
                    seen_ns=turn.calls[0].started_ns,
                )
                for turn in turns
            ]
        )
        await store.publish(train(turns, seed=1), {SERVER: 99})  # no step beyond: nothing is trained meanwhile
    finally:
        await store.close()
