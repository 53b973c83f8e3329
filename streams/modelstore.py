"""Which models there are in Redis: the one that judges, the one before it, and a candidate that is only tried.

At most three are kept. Every change is one transaction, and workers take it over with their next batch.

Names, under the store's prefix:
    model:<id>:npz, model:<id>:json                        a model's numbers and its manifest
    model:current, model:previous, model:candidate         ids
    model:steps                                            hash server -> the step it was trained at (trainer.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import orjson

from ..models.drift import Shadow, shadow
from ..models.errors import ConfigError
from ..models.model import Manifest, Model, dump
from . import samples
from .loaded import read
from .redisclient import Pipeline, RedisClient
from .trainer import step_of

__all__ = ["ROLES", "ModelStore", "Role"]

Role = Literal["current", "previous", "candidate"]
ROLES: tuple[Role, ...] = ("current", "previous", "candidate")


class ModelStore(RedisClient):
    """Raises StoreAwayError while the server is away."""

    async def roles(self) -> dict[Role, str]:
        """The ids of the models that there are."""
        async with self.guard():
            ids = cast(list[bytes | None], await self.redis.mget([self._role(role) for role in ROLES]))
        return {role: name.decode() for role, name in zip(ROLES, ids, strict=True) if name}

    async def manifest(self, name: str) -> Manifest | None:
        """What a model says of itself, as it was published, unchecked; None where it cannot be read."""
        async with self.guard():
            body = cast(bytes | None, await self.redis.get(self.name("model", name, "json")))
        try:
            return Manifest(**orjson.loads(body or b""))
        except (ValueError, TypeError):
            return None

    async def model(self, name: str) -> Model:
        """Raises ConfigError where there is none of that id, ModelError and its like for one that cannot be used."""
        if (found := await read(self, name)) is None:
            raise ConfigError(f"the store holds no model {name}", "triptych model list")
        return found

    async def offer(self, model: Model) -> bool:
        """Make this the candidate; whether it is one now. The model that judges, or did before, is none."""
        name, roles = model.manifest.model_id, await self.roles()
        if name in (roles.get("current"), roles.get("previous")):
            return False
        async with self.pipeline(whole=True) as pipe:
            if (before := roles.get("candidate")) and before != name:
                self._forget(pipe, before)
            self._keep(pipe, model)
            pipe.set(self._role("candidate"), name)
            await pipe.execute()
        return True

    async def publish(self, model: Model, steps: Mapping[str, int]) -> None:
        """Let this model judge, whatever is tried meanwhile; the model in use becomes the one before. `steps`: see
        trainer.py."""
        roles = await self.roles()
        async with self.pipeline(whole=True) as pipe:
            self._seat(pipe, roles, model.manifest.model_id, steps)
            self._keep(pipe, model)
            await pipe.execute()

    async def promote(self, name: str) -> None:
        """Let the candidate of that id judge; the model in use becomes the one before."""
        roles = await self.roles()
        if roles.get("candidate") != name:
            raise ConfigError(f"{name} is no candidate", "triptych model train makes one; triptych model list")
        steps = {server: step_of(count) for server, count in (await self.sessions()).items()}
        async with self.pipeline(whole=True) as pipe:
            self._seat(pipe, roles, name, steps)
            pipe.delete(self._role("candidate"))
            await pipe.execute()

    async def rollback(self) -> tuple[str, str]:
        """Let the model before judge again, and keep the one that did; both ids, the new judge first."""
        roles = await self.roles()
        if "previous" not in roles or "current" not in roles:
            raise ConfigError("there is no model to go back to", "triptych model list")
        async with self.pipeline(whole=True) as pipe:
            pipe.set(self._role("current"), roles["previous"])
            pipe.set(self._role("previous"), roles["current"])
            await pipe.execute()
        return roles["previous"], roles["current"]

    async def shadow(self, name: str) -> tuple[Shadow, int]:
        """How a candidate judges live turns, from a sample, and about how many it has judged."""
        (sample,) = await samples.read(self, [samples.shadow_name(name)])
        return shadow(sample.seen), sample.turns

    def _seat(self, pipe: Pipeline, roles: Mapping[Role, str], name: str, steps: Mapping[str, int]) -> None:
        """Let `name` judge from now on, and keep the one that did."""
        before, oldest = roles.get("current"), roles.get("previous")
        if before and before != name:
            pipe.set(self._role("previous"), before)
            if oldest and oldest not in {name, before}:
                self._forget(pipe, oldest)
        pipe.set(self._role("current"), name)
        pipe.delete(self.name("model", "steps"))
        if steps:
            pipe.hset(self.name("model", "steps"), mapping=cast(Any, dict(steps)))

    def _keep(self, pipe: Pipeline, model: Model) -> None:
        body, manifest = dump(model)
        pipe.set(self.name("model", model.manifest.model_id, "npz"), body)
        pipe.set(self.name("model", model.manifest.model_id, "json"), manifest)

    def _forget(self, pipe: Pipeline, name: str) -> None:
        pipe.unlink(self.name("model", name, "npz"), self.name("model", name, "json"))
        sample = self.name("sample", samples.shadow_name(name))
        pipe.unlink(sample, f"{sample}:order")

    def _role(self, role: Role) -> str:
        return self.name("model", role)
