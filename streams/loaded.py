"""The model of a name in Redis, kept once it is loaded; one that cannot be used leaves the one before in its place."""

from __future__ import annotations

import asyncio
from typing import cast

import structlog

from ..models.errors import TriptychError
from ..models.model import Model, load
from .redisclient import RedisClient
from .stage import StoreAwayError

__all__ = ["Loaded", "read"]

log = structlog.get_logger(__name__)


async def read(client: RedisClient, name: str) -> Model | None:
    """The model of that id; None where there is none. Raises ModelError and its like for one that cannot be used."""
    async with client.guard():
        names = (client.name("model", name, "npz"), client.name("model", name, "json"))
        body, manifest = cast(list[bytes | None], await client.redis.mget(*names))
    if body is None or manifest is None:
        return None
    return await asyncio.to_thread(load, body, manifest)


class Loaded:
    """One place for a model, whose name is asked for with every batch."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._model: Model | None = None
        self._refused = b""

    async def of(self, name: bytes | None) -> Model | None:
        """The model of that name; the one in use where it cannot be used."""
        known = self._model.manifest.model_id.encode() if self._model else None
        if name is None or name in (known, self._refused):
            return self._model
        text = name.decode(errors="replace")
        try:
            self._model = await read(self._client, text) or self._model
        except StoreAwayError:
            raise
        except TriptychError as error:
            self._refused = name
            log.error("model refused", model=text, code=error.code, error=error.what, hint=error.hint)
        except Exception:
            self._refused = name
            log.exception("model refused", model=text)
        return self._model
