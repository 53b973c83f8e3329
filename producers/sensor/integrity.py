"""What stands behind a program or a library: the hash of its bytes, and whether who runs it may write it.

Reads files through /proc as the watched process sees them, and refuses whatever is not the file the kernel reported.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import processes
from .proof import UNPROVEN, Proof, Subject

__all__ = ["Inspector"]

_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_KNOWN_FILES = 4096


class Inspector:
    """Looks at files, and remembers the hashes of `_KNOWN_FILES` of them by device, inode, size and both times."""

    def __init__(self, most_bytes: int) -> None:
        """Files larger than `most_bytes` are not hashed."""
        self._most_bytes = most_bytes
        self._hashes: OrderedDict[tuple[int, ...], str] = OrderedDict()

    def look(self, subject: Subject) -> Proof:
        """What can still be found out; the process may be gone, its file exchanged."""
        try:
            with _opened(subject) as (descriptor, view):
                about = os.fstat(descriptor)
                writable = _may_write(subject, about, view)
                return Proof(self._hash(descriptor, about) if subject.is_program else None, writable)
        except OSError:
            return UNPROVEN

    def _hash(self, path_only: int, about: os.stat_result) -> str | None:
        key = _identity(about)
        known = self._hashes.get(key)
        if known is not None:
            self._hashes.move_to_end(key)
            return known
        if about.st_size > self._most_bytes:
            return None
        with Path(f"/proc/self/fd/{path_only}").open("rb", buffering=0) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if _identity(os.fstat(file.fileno())) != key:
                return None  # written meanwhile
        self._hashes[key] = found
        if len(self._hashes) > _KNOWN_FILES:
            self._hashes.popitem(last=False)
        return found


def _identity(about: os.stat_result) -> tuple[int, ...]:
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


@contextmanager
def _opened(subject: Subject) -> Iterator[tuple[int, int]]:
    """The file without any right to it (O_PATH), and the process whose view of the file system names its folder.

    Raises OSError when it is gone or not the file that was reported.
    """
    for process, path in _ways(subject):
        try:
            descriptor = os.open(path, _FLAGS & ~os.O_NOFOLLOW if path.endswith(b"/exe") else _FLAGS)
        except OSError:
            continue
        try:
            about = os.fstat(descriptor)
            if about.st_ino == subject.inode and stat.S_ISREG(about.st_mode):
                yield descriptor, process
                return
        finally:
            os.close(descriptor)
    raise FileNotFoundError(subject.path)


def _ways(subject: Subject) -> Iterator[tuple[int, bytes]]:
    """Process and path under /proc, the surest first. A process id may have been used again meanwhile."""
    if processes.start_ns(subject.pid) == subject.start_ns:
        if subject.is_program:
            yield subject.pid, b"/proc/%d/exe" % subject.pid
        yield subject.pid, b"/proc/%d/root%s" % (subject.pid, subject.path)
    yield subject.root, b"/proc/%d/root%s" % (subject.root, subject.path)


def _may_write(subject: Subject, about: os.stat_result, view: int) -> bool | None:
    groups = processes.groups(view)
    if groups is None:
        return None
    if _writes(about, subject.uid, groups):
        return True
    try:
        folder = Path(f"/proc/{view}/root{os.fsdecode(subject.path)}").parent.stat()
    except OSError:
        return False  # a memfd or a deleted file has no folder
    sticky = folder.st_mode & stat.S_ISVTX and about.st_uid != subject.uid
    return _writes(folder, subject.uid, groups) and not sticky


def _writes(about: os.stat_result, uid: int, groups: frozenset[int]) -> bool:
    """By owner and mode bits. Root may write anything, which tells nothing: of root, whether anybody else may."""
    if uid == 0:
        return about.st_uid != 0 or bool(about.st_mode & stat.S_IWOTH)
    if about.st_uid == uid:
        return True  # an owner can give itself the right
    return bool(about.st_mode & stat.S_IWOTH) or (about.st_gid in groups and bool(about.st_mode & stat.S_IWGRP))
