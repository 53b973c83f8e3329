"""Recordings played again, without any privilege, as the batches they gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ...models.digest import Keyring
from ...models.events import CallRef, ExecutionBatch, Label
from ...models.identity import Workload
from .batches import Batches, Origin
from .decode import FILE_KEY, FLOW_KEY, KernelEvent
from .identity.identity import Identity
from .proof import Proof
from .reading import Reading
from .recording import RecordingError, frames
from .source import KernelHalf

__all__ = ["read", "replay"]

_TABLES = (b"F", b"G")


def replay(
    path: Path, keyring: Keyring, *, shift_ns: int = 0, remap: Mapping[str, str] | None = None
) -> Iterator[ExecutionBatch]:
    """The batches the recorded input yields, by the same code as live.

    `shift_ns` is added to the wall clock of every batch, `remap` gives other ids to recorded call ids. Digests are
    under `keyring`. Raises RecordingError.
    """
    batches: Batches | None = None
    for kind, said in read(path):
        if kind == b"M":
            batches = Batches(Origin(**said["origin"]), keyring, proving=said.get("proving", False))
        elif batches is None:
            raise RecordingError(f"{path.name} does not say who recorded it")
        elif isinstance(said, KernelEvent):
            batches.observe(said)
        else:
            if "call_id" in said and remap:
                said["call_id"] = remap.get(said["call_id"], said["call_id"])
            yield from _apply(batches, kind, said, shift_ns)


def read(path: Path) -> Iterator[tuple[bytes, Any]]:
    """Frames with their bodies decoded: kernel events for R, F and G, dictionaries for all others."""
    reading = Reading()
    for kind, body in frames(path):
        if kind == b"R":
            if event := reading.record(body):
                yield kind, event
        elif kind in _TABLES:
            added, size = (reading.flows, FLOW_KEY.size) if kind == b"F" else (reading.files, FILE_KEY.size)
            yield from ((kind, event) for event in added([(body[:size], body[size:])], lambda _: False)[0])
        else:
            yield kind, orjson.loads(body)


def _apply(batches: Batches, kind: bytes, said: dict[str, Any], shift_ns: int) -> Iterator[ExecutionBatch]:
    """What one message of the sensor's life does to `batches`."""
    root, times = said.get("root", 0), (said.get("mono_ns", 0), said.get("offset_ns", 0) + shift_ns)
    match kind:
        case b"A":
            workload = Workload(**said["workload"])
            is_new = not batches.knows(workload)
            batches.open(root, workload)
            if is_new:
                yield batches.start(workload, _half(said), *times)
        case b"T":
            yield from batches.flush(*times)
        case b"X":
            yield from batches.blinded(tuple(said["gone"]), *times)
        case b"C":
            if ended := batches.close(root):
                yield from batches.stop(ended, said["reason"], *times)
        case _:
            _hear(batches, kind, said)


def _hear(batches: Batches, kind: bytes, said: dict[str, Any]) -> None:
    """A message after which nothing is told at once."""
    root = said.get("root", 0)
    match kind:
        case b"B":
            call = CallRef(call_id=said["call_id"], correlation_id=said["correlation_id"])
            batches.begin(root, call, said.get("request", ""))
            if "late_ns" in said:
                batches.late(root, call, said["late_ns"], said["mono_ns"])
        case b"E":
            batches.end(root, said["call_id"])
        case b"D":
            batches.end_all(root)
        case b"L":
            batches.lost(root, said["count"], said["since_ns"])
        case b"H":
            batches.hold(said["workload"], said["until_ns"])
        case b"N":
            batches.name(said["workload"], _identity(said["identity"]))
        case b"P":
            batches.prove(said["number"], Proof(said["sha256"], said["writable"]))


def _identity(said: dict[str, Any]) -> Identity:
    return Identity(**said | {"labels": tuple(Label(**label) for label in said["labels"])})


def _half(said: dict[str, Any]) -> KernelHalf:
    """What an attach says of the kernel half; older recordings say less."""
    return KernelHalf(
        features=tuple(said["features"]),
        missing=said.get("missing", {}),
        front_end=said.get("front_end", ""),
        release=said.get("release", ""),
    )
