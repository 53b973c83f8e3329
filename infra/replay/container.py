"""Avro object container files: header, blocks, sync marks (Avro 1.12 specification, 'Object Container Files').

Knows bytes only; what a datum is, the caller says. Refuses files that are cut, damaged or packed by a codec that the
standard library does not have.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, BinaryIO

from ...models.varint import long, spelt
from .errors import RecordingError

__all__ = ["Block", "Container", "Writer", "bytes_at", "long_at", "put_bytes", "put_long"]

_MAGIC = b"Obj\x01"
_SYNC = 16
_BLOCK = 64 * 1024
_MOST = 1 << 28  # of one block, packed or not: what is larger is no block of ours and may be a trap
_LEVEL = 1  # the fastest: a recording is read again soon, or packed as a whole


def put_long(value: int, out: bytearray) -> None:
    """Zigzag and variable length, as Avro writes int and long."""
    out += spelt((value << 1) ^ (value >> 63))


def put_bytes(value: bytes, out: bytearray) -> None:
    """A length, then the bytes: Avro's bytes and, of UTF-8, its string."""
    put_long(len(value), out)
    out += value


def long_at(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and where it ends. Raises IndexError at the end of the data, ValueError beyond 64 bits."""
    return long(data, at)


def bytes_at(data: bytes, at: int) -> tuple[bytes, int]:
    """Raises IndexError where the data end before the bytes do."""
    size, at = long_at(data, at)
    if size < 0 or at + size > len(data):
        raise IndexError("a length beyond the end")
    return data[at : at + size], at + size


class Writer:
    """Appends data to a new file. What was flushed can be read, whatever happens afterwards."""

    def __init__(self, file: BinaryIO, schema: Mapping[str, Any], about: Mapping[str, str]) -> None:
        self._file = file
        told = {"avro.schema": json.dumps(schema, separators=(",", ":")), "avro.codec": "deflate", **about}
        head = bytearray(_MAGIC)
        put_long(len(told), head)
        for name, value in told.items():
            put_bytes(name.encode(), head)
            put_bytes(value.encode(), head)
        head.append(0)
        self._sync = blake2b(bytes(head), digest_size=_SYNC).digest()
        file.write(head + self._sync)
        self._held = bytearray()
        self._count = 0

    def append(self, datum: bytes) -> None:
        self._held += datum
        self._count += 1
        if len(self._held) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a block."""
        if self._count:
            squeeze = zlib.compressobj(_LEVEL, wbits=-15)
            packed = squeeze.compress(bytes(self._held)) + squeeze.flush()
            head = bytearray()
            put_long(self._count, head)
            put_long(len(packed), head)
            self._file.write(head + packed + self._sync)
            self._held.clear()
            self._count = 0
        self._file.flush()


@dataclass(frozen=True, slots=True)
class Block:
    """So many data, one behind the other."""

    count: int
    data: bytes


class Container:
    """Reads a file from its beginning. Raises RecordingError E01 for one that is no container file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        magic = file.read(len(_MAGIC))
        if len(magic) < len(_MAGIC) and _MAGIC.startswith(magic):
            raise self._damaged("the end inside its header")
        if magic != _MAGIC:
            raise RecordingError(f"{name} is no Avro object container file", "triptych record makes them")
        self.about = self._metadata()
        self._sync = self._exactly(_SYNC)
        self._unpack = _unpacker(self.about.get("avro.codec", b"null").decode("ascii", "replace"), name)

    @property
    def schema(self) -> Any:
        """Raises RecordingError E01 where there is none."""
        try:
            return json.loads(self.about["avro.schema"])
        except (KeyError, ValueError, RecursionError) as error:
            raise RecordingError(f"{self._name} holds no schema") from error

    def blocks(self) -> Iterator[Block]:
        """Every block to the end. Raises RecordingError E01 where the file is cut or damaged."""
        while (count := self._long()) is not None:
            size = self._long()
            if size is None or not 0 <= size <= _MOST or not 0 <= count <= _MOST:
                raise self._damaged("a block of no possible size")
            packed = self._exactly(size)
            if self._exactly(_SYNC) != self._sync:
                raise self._damaged("a block without its mark")
            try:
                yield Block(count, self._unpack(packed))
            except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
                raise self._damaged(f"a block that cannot be unpacked ({type(error).__name__})") from error

    def _metadata(self) -> dict[str, bytes]:
        told: dict[str, bytes] = {}
        while count := self._long():
            if count < 0:
                count = -count
                self._long()
            for _ in range(count):
                name = self._text().decode("utf-8", "replace")
                told[name] = self._text()
        return told

    def _text(self) -> bytes:
        size = self._long()
        if size is None or not 0 <= size <= _MOST:
            raise self._damaged("a header of no possible size")
        return self._exactly(size)

    def _long(self) -> int | None:
        """None at the end of the file."""
        data = bytearray()
        while not data or data[-1] > 127:
            byte = self._file.read(1)
            if not byte and not data:
                return None
            if not byte or len(data) > 9:
                raise self._damaged("the end inside a number")
            data += byte
        try:
            return long_at(bytes(data), 0)[0]
        except ValueError as error:
            raise self._damaged("a number of more than 64 bits") from error

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise self._damaged("the end inside a block")
        return data

    def _damaged(self, what: str) -> RecordingError:
        return RecordingError(
            f"{self._name} is cut or damaged: {what}",
            "record again; triptych replay --salvage takes what stands before",
        )


def _unpacker(codec: str, name: str) -> Callable[[bytes], bytes]:
    known: dict[str, Callable[[bytes], bytes]] = {
        "null": lambda packed: packed,
        "deflate": lambda packed: _within(zlib.decompressobj(-15), packed),
        "bzip2": lambda packed: _within(bz2.BZ2Decompressor(), packed),
        "xz": lambda packed: _within(lzma.LZMADecompressor(), packed),
    }
    if codec not in known:
        raise RecordingError(
            f"{name} is packed by {codec[:20]!r}, which is not read here", f"pack it by one of {', '.join(known)}"
        )
    return known[codec]


def _within(unpacker: Any, packed: bytes) -> bytes:
    data: bytes = unpacker.decompress(packed, _MOST)
    if not unpacker.eof:
        raise ValueError("more than a block may hold, or less than a whole one")
    return data
