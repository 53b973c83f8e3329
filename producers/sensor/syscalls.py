"""bpf(2) itself, as far as the sensor needs it: maps, a raw tracepoint, a program to probe with."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Iterator

__all__ = ["Map", "create_map", "lift_memory_limit", "load_nothing", "open_raw_tracepoint"]

_NR_BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine(), -1)
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_DELETE, _PROG_LOAD, _RAW_TRACEPOINT_OPEN = 0, 1, 2, 3, 5, 17
_MAP_LOOKUP_BATCH = 24
_RAW_TRACEPOINT = 17
_NO_EXIST = 1
_ATTRIBUTES = 128
_BATCH = 512
_RETURN_ZERO = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)  # r0 = 0; exit

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    """Result of bpf(2). Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes.ljust(_ATTRIBUTES, b"\0"), _ATTRIBUTES)
    return _checked(command, buffer)


def _checked(command: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
    result = _libc.syscall(_NR_BPF, command, buffer, _ATTRIBUTES)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def lift_memory_limit() -> None:
    """Allow large maps: before Linux 5.11 they count as locked memory, of which a process may have little."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in (resource.RLIM_INFINITY, hard):  # beyond the hard limit only with CAP_SYS_RESOURCE
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        except (OSError, ValueError):
            continue
        return


def create_map(kind: int, key: int, value: int, entries: int) -> int:
    """Descriptor of a new map of `kind` (enum bpf_map_type). Raises OSError."""
    return _bpf(_MAP_CREATE, struct.pack("<4I", kind, key, value, entries))


def load_nothing() -> int:
    """Descriptor of a raw tracepoint program that does nothing: whether loading is allowed. Raises OSError."""
    code = ctypes.create_string_buffer(_RETURN_ZERO)
    licence = ctypes.create_string_buffer(b"GPL")
    head = struct.pack("<IIQQ", _RAW_TRACEPOINT, 2, ctypes.addressof(code), ctypes.addressof(licence))
    return _bpf(_PROG_LOAD, head)


def open_raw_tracepoint(name: str, program: int) -> int:
    """Descriptor of the link; closing it detaches. Raises OSError."""
    text = ctypes.create_string_buffer(name.encode())
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("<QI", ctypes.addressof(text), program))


class Map:
    """A hash map behind a descriptor; keys and values are bytes of fixed sizes."""

    def __init__(self, descriptor: int, key_size: int, value_size: int) -> None:
        self.descriptor = descriptor
        self._key_size = key_size
        self._value_size = value_size

    def get(self, key: bytes) -> bytes | None:
        value = ctypes.create_string_buffer(self._value_size)
        try:
            self._element(_MAP_LOOKUP, key, value, 0)
        except FileNotFoundError:
            return None
        return value.raw

    def put(self, key: bytes, value: bytes) -> None:
        """Raises OSError, E2BIG when the map is full."""
        self._element(_MAP_UPDATE, key, ctypes.create_string_buffer(value, self._value_size), 0)

    def add(self, key: bytes, value: bytes) -> bool:
        """Put unless `key` is there; whether it was put."""
        try:
            self._element(_MAP_UPDATE, key, ctypes.create_string_buffer(value, self._value_size), _NO_EXIST)
        except FileExistsError:
            return False
        return True

    def remove(self, key: bytes) -> bool:
        try:
            self._element(_MAP_DELETE, key, None, 0)
        except FileNotFoundError:
            return False
        return True

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries, a batch of whole buckets per system call. An entry changed meanwhile is seen old or new."""
        keys = ctypes.create_string_buffer(self._key_size * _BATCH)
        values = ctypes.create_string_buffer(self._value_size * _BATCH)
        cursor = ctypes.create_string_buffer(max(self._key_size, 4))
        started, more = False, True
        while more:
            count, more = self._batch(cursor, keys, values, started=started)
            started = True
            raw_keys, raw_values = keys.raw, values.raw
            for index in range(count):
                key_at, value_at = index * self._key_size, index * self._value_size
                yield (
                    raw_keys[key_at : key_at + self._key_size],
                    raw_values[value_at : value_at + self._value_size],
                )

    def _batch(
        self,
        cursor: ctypes.Array[ctypes.c_char],
        keys: ctypes.Array[ctypes.c_char],
        values: ctypes.Array[ctypes.c_char],
        *,
        started: bool,
    ) -> tuple[int, bool]:
        """How many entries were read, and whether more may follow."""
        at = ctypes.addressof(cursor)
        attributes = struct.pack(
            "<QQQQIIQQ",
            at if started else 0,
            at,
            ctypes.addressof(keys),
            ctypes.addressof(values),
            _BATCH,
            self.descriptor,
            0,
            0,
        )
        buffer = ctypes.create_string_buffer(attributes.ljust(_ATTRIBUTES, b"\0"), _ATTRIBUTES)
        more = True
        try:
            _checked(_MAP_LOOKUP_BATCH, buffer)
        except FileNotFoundError:  # the last batch is told by ENOENT and may still hold entries
            more = False
        return struct.unpack_from("<I", buffer.raw, 32)[0], more

    def _element(self, command: int, key: bytes, value: ctypes.Array[ctypes.c_char] | None, flags: int) -> None:
        key_buffer = ctypes.create_string_buffer(key, self._key_size)
        at = ctypes.addressof(value) if value is not None else 0
        _bpf(command, struct.pack("<IxxxxQQQ", self.descriptor, ctypes.addressof(key_buffer), at, flags))
