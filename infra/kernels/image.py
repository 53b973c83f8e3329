"""An initial file system for the guest, in the archive format the kernel unpacks (cpio "newc", compressed)."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["pack"]

_MAGIC = "070701"
_CONSOLE = (5, 1)  # major and minor; without it the first process has nowhere to write


def pack(*trees: Path, init: str) -> bytes:
    """The files below `trees`, /init with the text `init`, and /dev/console, as a compressed newc archive.

    Owners and times are left out, so the same files give the same bytes.
    """
    entries = [
        *(entry for tree in trees for entry in _files(tree)),
        _entry("init", stat.S_IFREG | 0o755, init.encode()),
    ]
    entries += [_entry("dev", stat.S_IFDIR | 0o755), _entry("dev/console", stat.S_IFCHR | 0o600, device=_CONSOLE)]
    entries += [_entry(name, stat.S_IFDIR | 0o755) for name in ("proc", "sys", "tmp")]
    entries.append(_entry("TRAILER!!!", 0))
    return gzip.compress(b"".join(entries), compresslevel=1, mtime=0)


def _files(tree: Path) -> Iterator[bytes]:
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        name, mode = str(path.relative_to(tree)), status.st_mode
        if stat.S_ISLNK(mode):
            yield _entry(name, stat.S_IFLNK | 0o777, os.fsencode(path.readlink()))
        elif stat.S_ISREG(mode):
            yield _entry(name, mode, path.read_bytes())
        elif stat.S_ISDIR(mode):
            yield _entry(name, mode)


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One file. Numbers are eight hexadecimal digits; name and data are padded to four bytes."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    head = (_MAGIC + "".join(f"{field:08x}" for field in fields)).encode() + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
