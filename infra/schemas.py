"""The schemas of this version against what a schema registry holds, topic by topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from ..models.errors import WireError
from ..models.wire import Codec, Release, releases, schema_fingerprint
from ..streams.registry import Registry, RegistryRefusedError
from .topics import wanted

__all__ = ["Listed", "listed", "register"]

State = Literal["manifest", "absent", "registered", "id taken"]


@dataclass(frozen=True, slots=True)
class Listed:
    """The current schema of one topic. Without a registry its state is `manifest`.

    `id taken`: the registry has another schema under our manifest's id, so a reader that asks it would misread us.
    """

    topic: str
    schema: str
    manifest_id: int
    registry_id: int | None
    state: State


async def listed(registry: Registry | None) -> AsyncIterator[Listed]:
    """Every topic with an Avro schema, and what the registry has for it. Changes nothing. Raises RegistryAwayError."""
    for topic, release in _topics():
        if registry is None:
            yield Listed(topic, release.name, release.id, None, "manifest")
        else:
            yield await _listed(registry, topic, release, await registry.id_of(f"{topic}-value", release.schema))


async def register(registry: Registry) -> AsyncIterator[Listed]:
    """Register every current schema under `<topic>-value` and read each back.

    Raises RegistryAwayError, and RegistryRefusedError J07 where the registry refuses one or gives another one back.
    """
    for topic, release in _topics():
        registry_id = await registry.register(f"{topic}-value", release.schema)
        held = await registry.schema(registry_id)
        if not _same(release, held):
            raise RegistryRefusedError(
                f"{topic}-value: id {registry_id} does not give {release.name} {release.fingerprint} back",
                "the registry must keep a schema as it is; look at its rules for normalising",
            )
        yield await _listed(registry, topic, release, registry_id)


def _topics() -> Iterator[tuple[str, Release]]:
    current = {release.name: release for release in releases() if release.current}
    yield from ((topic.name, current[topic.value]) for topic in wanted(1) if topic.value in current)


async def _listed(registry: Registry, topic: str, release: Release, registry_id: int | None) -> Listed:
    held = await registry.schema(release.id)
    state: State = "absent" if registry_id is None else "registered"
    if held is not None and not _same(release, held):
        state = "id taken"
    return Listed(topic, release.name, release.id, registry_id, state)


def _same(release: Release, held: object) -> bool:
    try:
        Codec().add(release.id, held)  # type: ignore[arg-type]
    except WireError:
        return False
    return schema_fingerprint(held) == release.fingerprint
