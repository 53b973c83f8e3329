"""Raw input of a sensor to a file, and back: ring bytes, flow totals, lease messages, losses, flushes.

Layout: the line MAGIC, then frames of one kind byte, a little-endian u32 length and that many bytes. JSON unless said:
  M who recorded    A attach    B begin    E end    D detach    C root let go    L facts lost    T flush
  P a file was looked at    X the sensor was blinded    H a workload waits for its name    N its name
  R one ring record (raw)    F, G key and totals of a connection, of a file (raw)
A recording holds paths and arguments as the kernel gave them, unredacted: it is made for its owner only (mode 0600).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from ...models.errors import ConfigError, TriptychError

__all__ = ["MAGIC", "Recorder", "RecordingError", "frames"]

MAGIC = b"triptych sensor recording 2\n"

_FRAME = struct.Struct("<cI")
_LONGEST = 1 << 20


class RecordingError(TriptychError):
    """A file that is no recording, or ends inside a frame."""

    code = "S11"


class Recorder:
    """Appends frames to a new file, readable by its owner only. Raises ConfigError when it cannot be made."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot record to {path}: {error.strerror}", "set sensor.recording") from error
        self._file = os.fdopen(descriptor, "wb")
        self._sums: dict[bytes, dict[bytes, bytes]] = {}  # of each table as it was last written
        self._file.write(MAGIC)

    def write(self, kind: bytes, **fields: object) -> None:
        self.raw(kind, orjson.dumps(fields))

    def raw(self, kind: bytes, body: bytes) -> None:
        self._file.write(_FRAME.pack(kind, len(body)) + body)

    def sums(self, kind: bytes, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Of a whole table the entries that changed since they were last written."""
        before, self._sums[kind] = self._sums.get(kind, {}), dict(entries)
        for key, totals in self._sums[kind].items():
            if before.get(key) != totals:
                self.raw(kind, key + totals)

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
