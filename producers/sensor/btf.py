"""Byte offsets of kernel structure members, read from BTF (Documentation/bpf/btf.rst). Pure: bytes in, numbers out.

Says None for what this kernel does not have and never guesses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ...models.errors import TriptychError

__all__ = ["Btf", "BtfError"]

_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
_MEMBER = struct.Struct("<III")
_SPAN = struct.Struct("<III")  # of an array: element type, index type, length
_MAGIC = 0xEB9F
_INT, _POINTER, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF = 1, 2, 3, 4, 5, 6, 8
_POINTER_SIZE = 8
_PROTO, _VAR, _DATASEC, _DECL_TAG, _ENUM64 = 13, 14, 15, 17, 19
_FIXED_TAIL = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_LISTED_TAIL = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _PROTO: 8, _DATASEC: 12, _ENUM64: 12}
_QUALIFIERS = frozenset({_TYPEDEF, 9, 10, 11, 18})  # typedef, volatile, const, restrict, type tag


class BtfError(TriptychError):
    """Bytes that are no BTF of this byte order."""

    code = "S08"


class _Type(NamedTuple):
    at: int
    kind: int
    length: int
    bitfields: bool
    target: int


class Btf:
    """An index over one BTF blob, such as /sys/kernel/btf/vmlinux. Raises BtfError when it is none."""

    def __init__(self, data: bytes) -> None:
        try:
            magic, _, _, header, type_at, type_length, text_at, _ = _HEADER.unpack_from(data)
            if magic != _MAGIC:
                raise BtfError(f"no BTF: starts with {data[:2].hex()}")
            self._data = data
            self._text = header + text_at
            self._types: list[_Type] = [_Type(0, 0, 0, False, 0)]
            self._structs: dict[int, int] = {}
            self._typedefs: set[int] = set()
            self._index(header + type_at, header + type_at + type_length)
        except struct.error as error:
            raise BtfError("BTF ends too early") from error

    def offset(self, structure: str, path: str) -> int | None:
        """Offset in bytes of `path` in `structure`: members joined by dots, through unnamed members too, `regs[2]`.

        What follows ___ in a structure's name tells variants of it apart (as libbpf has it), and is no part of it.
        """
        found = self._name_at(structure.partition("___")[0])
        type_id = self._structs.get(found) if found is not None else None
        total = 0
        for part in path.split("."):
            member, _, index = part.rstrip("]").partition("[")
            step = self._member(type_id, member) if type_id is not None else None
            if step is not None and index:
                step = self._element(*step, int(index))
            if step is None:
                return None
            total += step[0]
            type_id = self._plain(step[1])
        return total

    def has_tracepoint(self, name: str) -> bool:
        """Whether raw tracepoint `name` exists: BTF then holds the typedef btf_trace_<name>."""
        return self._name_at(f"btf_trace_{name}") in self._typedefs

    def _index(self, at: int, end: int) -> None:
        while at < end:
            name, info, target = _TYPE.unpack_from(self._data, at)
            kind, length = info >> 24 & 0x1F, info & 0xFFFF
            if kind in (_STRUCT, _UNION) and length:
                self._structs.setdefault(name, len(self._types))
            elif kind == _TYPEDEF:
                self._typedefs.add(name)
            self._types.append(_Type(at + _TYPE.size, kind, length, bool(info >> 31), target))
            at += _TYPE.size + _FIXED_TAIL.get(kind, 0) + _LISTED_TAIL.get(kind, 0) * length

    def _name_at(self, name: str) -> int | None:
        # The string section holds every name once, so one search finds the offset that all types use.
        found = self._data.find(b"\0" + name.encode() + b"\0", self._text)
        return None if found < 0 else found + 1 - self._text

    def _is_named(self, at: int, name: str) -> bool:
        start = self._text + at
        return self._data[start : start + len(name) + 1] == name.encode() + b"\0"

    def _plain(self, type_id: int) -> int:
        while self._types[type_id].kind in _QUALIFIERS:
            type_id = self._types[type_id].target
        return type_id

    def _members(self, type_id: int) -> Iterator[tuple[int, int, int]]:
        """(name, type, offset in bytes) of each member."""
        owner = self._types[type_id]
        for index in range(owner.length if owner.kind in (_STRUCT, _UNION) else 0):
            name, kind, position = _MEMBER.unpack_from(self._data, owner.at + index * _MEMBER.size)
            yield name, kind, (position & 0xFFFFFF if owner.bitfields else position) // 8

    def _member(self, type_id: int, wanted: str) -> tuple[int, int] | None:
        for name, kind, position in self._members(type_id):
            if name and self._is_named(name, wanted):
                return position, kind
            inner = None if name else self._member(self._plain(kind), wanted)
            if inner is not None:
                return position + inner[0], inner[1]
        return None

    def _element(self, position: int, type_id: int, index: int) -> tuple[int, int] | None:
        """(offset, type) of an element of the array at `position`; None where there is no such element."""
        array = self._types[self._plain(type_id)]
        if array.kind != _ARRAY:
            return None
        element, _, length = _SPAN.unpack_from(self._data, array.at)
        return (position + index * self._size(element), element) if index < length else None

    def _size(self, type_id: int) -> int:
        plain = self._types[self._plain(type_id)]
        return _POINTER_SIZE if plain.kind == _POINTER else plain.target  # of other kinds the target is a size
