"""What is known of a workload, and events of it, as one batch to publish. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from ...models.digest import Keyring
from ...models.events import BatchStatus, CallRef, ExecutionBatch, ExecutionEvent, Lack
from .facts import fact
from .same import Same
from .source import KernelHalf
from .stream import Stream, Uncounted

__all__ = ["Envelopes", "Origin"]

_NAMESPACE = uuid.UUID("6f0c3f5e-7a7e-5d2c-9a51-4f1d6a2f0b11")
_NOTHING = Uncounted()
_NO_HALF = KernelHalf()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which sensor speaks. `instance` is unique to one run of it."""

    instance: str
    boot_id: str
    host: str
    cluster: str = ""


class Envelopes:
    """Makes the batches of one sensor."""

    def __init__(self, origin: Origin, keyring: Keyring) -> None:
        self._origin = origin
        self._keyring = keyring

    def batch(
        self,
        stream: Stream,
        status: BatchStatus,
        mono_ns: int,
        offset_ns: int,
        *,
        features: tuple[str, ...] = (),
        half: KernelHalf = _NO_HALF,
        pending: Sequence[Same] = (),
        last: bool = True,
    ) -> ExecutionBatch:
        """The next batch of `stream`. Only the `last` one of a flush says what stands beside the events."""
        mono_ns = stream.advance(mono_ns)
        beside = stream.beside_events() if last else _NOTHING
        origin, workload, named = self._origin, stream.workload, stream.identity
        calls, events = self._facts(pending)
        return ExecutionBatch(
            event_id=str(uuid.uuid5(_NAMESPACE, f"{stream.producer}/{stream.sequence}")),
            workload=workload.id,
            wall_ns=mono_ns + offset_ns,
            mono_ns=mono_ns,
            boot_id=origin.boot_id,
            host=origin.host,
            cluster=origin.cluster,
            producer=stream.producer,
            sequence=stream.sequence,
            lost_before=beside.lost,
            key_id=self._keyring.key_id,
            status=status,
            features=features,
            pod_uid=workload.pod_uid,
            pod=named.pod,
            namespace=named.namespace,
            container_id=workload.container_id,
            image=named.image,
            lost_from_ns=beside.lost_from_ns,
            summarised=beside.summarised,
            missing=tuple(Lack(feature=feature, lacks=lack) for feature, lack in half.missing.items()),
            front_end=half.front_end,
            kernel=half.release,
            image_name=named.image_name,
            container=named.container,
            owner=named.owner,
            node=named.node,
            labels=named.labels,
            rate_limited=beside.limited,
            calls=calls,
            events=events,
        )

    def _facts(self, pending: Sequence[Same]) -> tuple[tuple[CallRef, ...], tuple[ExecutionEvent, ...]]:
        """The table of calls of one batch, and its events referring to it."""
        table: dict[CallRef, int] = {}
        events = []
        for same in pending:
            indexes = tuple(table.setdefault(call, len(table)) for call in same.bound.calls)
            events.append(fact(same, indexes, self._keyring))
        return tuple(table), tuple(events)
