"""Raw input of a sensor to a file, and back: ring bytes, flow totals, lease messages, losses, flushes.

Layout: the line MAGIC, then frames of one kind byte, a little-endian u32 length and that many bytes. JSON unless said:
  M who recorded, and when      A attach   B begin   E end   D detach   C closed root
  R one ring record (raw)       F flow key and totals (raw)       L facts lost       T flush
A recording holds paths and arguments as the kernel gave them, unredacted: it is made for its owner only (mode 0600).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from ...models.digest import Keyring
from ...models.errors import ConfigError, TriptychError
from ...models.events import CallRef, ExecutionBatch
from ...models.identity import Workload
from .batches import Batches, Origin
from .decode import FLOW_KEY, decode
from .flows import FlowTotals

__all__ = ["MAGIC", "Recorder", "RecordingError", "frames", "replay"]

MAGIC = b"triptych sensor recording 1\n"

_FRAME = struct.Struct("<cI")
_LONGEST = 1 << 20


class RecordingError(TriptychError):
    """A file that is no recording, or ends inside a frame."""

    code = "S11"


class Recorder:
    """Appends frames to a new file, readable by its owner only. Raises ConfigError when it cannot be made."""

    def __init__(self, path: Path, origin: Origin) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot record to {path}: {error.strerror}", "set sensor.recording") from error
        self._file = os.fdopen(descriptor, "wb")
        self._flows: dict[bytes, bytes] = {}
        self._file.write(MAGIC)
        self.write(b"M", origin=asdict(origin))

    def write(self, kind: bytes, **fields: object) -> None:
        self.raw(kind, orjson.dumps(fields))

    def raw(self, kind: bytes, body: bytes) -> None:
        self._file.write(_FRAME.pack(kind, len(body)) + body)

    def flows(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Entries of the flow table that changed since they were last written."""
        for key, totals in entries:
            if self._flows.get(key) != totals:
                self._flows[key] = totals
                self.raw(b"F", key + totals)

    def close(self) -> None:
        self._file.close()


def frames(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every frame. Raises RecordingError at the first byte that does not fit."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise RecordingError(f"{path.name} is no recording of a sensor")
        while head := file.read(_FRAME.size):
            kind, length = _FRAME.unpack(head) if len(head) == _FRAME.size else (b"", _LONGEST + 1)
            body = file.read(length) if length <= _LONGEST else b""
            if len(body) != length:
                raise RecordingError(f"{path.name} ends inside a frame", "take the recording again; it was cut off")
            yield kind, body


def replay(path: Path, keyring: Keyring, *, shift_ns: int = 0) -> Iterator[ExecutionBatch]:
    """The batches that the recorded input yields, by the same code as live and without any privilege.

    `shift_ns` is added to the wall clock of every batch. Digests are under `keyring`. Raises RecordingError.
    """
    batches: Batches | None = None
    totals = FlowTotals()
    for kind, body in frames(path):
        if kind == b"M":
            batches = Batches(Origin(**orjson.loads(body)["origin"]), keyring)
        elif batches is None:
            raise RecordingError(f"{path.name} does not say who recorded it")
        elif kind == b"R":
            batches.observe(decode(body))
        elif kind == b"F":
            for event in totals.added([(body[: FLOW_KEY.size], body[FLOW_KEY.size :])], lambda _: False)[0]:
                batches.observe(event)
        else:
            yield from _apply(batches, kind, orjson.loads(body), shift_ns)


def _apply(batches: Batches, kind: bytes, said: dict[str, Any], shift_ns: int) -> Iterator[ExecutionBatch]:
    """What one message of the sensor's life does to `batches`."""
    root = said.get("root", 0)
    match kind:
        case b"A":
            workload = Workload(**said["workload"])
            is_new = workload not in batches.workloads
            batches.open(root, workload)
            if is_new:
                yield batches.start(workload, said["features"], said["mono_ns"], said["offset_ns"] + shift_ns)
        case b"B":
            batches.begin(root, CallRef(call_id=said["call_id"], correlation_id=said["correlation_id"]))
        case b"E":
            batches.end(root, said["call_id"])
        case b"D":
            batches.end_all(root)
        case b"L":
            batches.lost(root, said["count"], said["since_ns"])
        case b"T":
            yield from batches.flush(said["mono_ns"], said["offset_ns"] + shift_ns)
        case b"C":
            if ended := batches.close(root):
                yield batches.stop(ended, said["reason"], said["mono_ns"], said["offset_ns"] + shift_ns)
