"""Content codings undone on a copy, for inspection: at most `bound` bytes come out, whatever goes in.

gzip and deflate by the standard library, as the bytes come. br and zstd of whole bodies only, where cramjam is there.
"""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any, Protocol

__all__ = ["Decoder", "decoder"]

_ZLIB = 15  # window bits; 16 more read the header of gzip, negative ones read none
_ZLIB_HEADER = 2
_CODINGS = {"gzip": _ZLIB + 16, "x-gzip": _ZLIB + 16, "deflate": _ZLIB}
_WHOLE = {"br": "brotli", "zstd": "zstd"}


class Decoder(Protocol):
    """`readable` turns false when the input is not in its coding."""

    readable: bool

    def feed(self, data: bytes, bound: int) -> bytes:
        """At most `bound` bytes more of the plain content."""

    def finish(self, bound: int) -> bytes: ...


class _Plain:
    readable = True

    def feed(self, data: bytes, bound: int) -> bytes:
        return data

    def finish(self, bound: int) -> bytes:
        return b""


class _Deflated:
    """gzip, of any number of members, and deflate, which some servers send without its zlib header."""

    def __init__(self, window: int) -> None:
        self.readable = True
        self._window = window
        self._stream = zlib.decompressobj(window)
        self._first = b""  # what a second try would need

    def feed(self, data: bytes, bound: int) -> bytes:
        plain: list[bytes] = []
        while data and bound > 0 and self.readable:
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._window)
            plain.append(self._part(data, bound))
            bound -= len(plain[-1])
            data = self._stream.unused_data
        return b"".join(plain)

    def finish(self, bound: int) -> bytes:
        return b""

    def _part(self, data: bytes, bound: int) -> bytes:
        try:
            part = self._stream.decompress(data, bound)
        except zlib.error:
            self.readable = self._window == _ZLIB and len(self._first) < _ZLIB_HEADER
            if not self.readable:
                return b""
            self._window = -_ZLIB
            self._stream = zlib.decompressobj(self._window)
            return self._part(self._first + data, bound)
        if len(self._first) < _ZLIB_HEADER:
            self._first += data[:_ZLIB_HEADER]
        return part


class _Whole:
    """Codings whose library takes a body at once."""

    def __init__(self, library: Any, kept: int) -> None:
        self.readable = True
        self._library, self._kept = library, kept
        self._data = bytearray()

    def feed(self, data: bytes, bound: int) -> bytes:
        if len(self._data) + len(data) > self._kept:
            self.readable = False
            self._data.clear()
        elif self.readable:
            self._data += data
        return b""

    def finish(self, bound: int) -> bytes:
        if not (self.readable and self._data):
            return b""
        out = bytearray(min(bound, max(1 << 16, 32 * len(self._data))))
        try:
            size = self._library.decompress_into(bytes(self._data), out)
        except Exception:
            self.readable = False
            return b""
        return bytes(out[:size])


class _Unknown(_Plain):
    """As it stands: so do readers that do not know it either."""

    readable = False

    def feed(self, data: bytes, bound: int) -> bytes:
        return data[:bound]


def decoder(coding: str | None, bound: int) -> Decoder:
    """For a Content-Encoding. Several at once, and what no library here undoes, come out as unreadable."""
    name = (coding or "identity").strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in _CODINGS:
        return _Deflated(_CODINGS[name])
    if name in _WHOLE:
        try:
            return _Whole(getattr(import_module("cramjam"), _WHOLE[name]), bound)
        except (ImportError, AttributeError):
            return _Unknown()
    return _Unknown()
