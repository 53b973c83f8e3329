"""Files of other programs, replaced as a whole: same owner and mode, a backup first, and never behind their back.

A symbolic link is followed to its end and stays: what it leads to is replaced, and only where it is a file of the same
user. A file of another user, with several names, or that is none is refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import FileRefused

__all__ = ["Held", "hold", "keep", "replace"]

_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """A file as it was read. `path` is where it really stands, `given` how it was named.

    `identity` is its device and inode.
    """

    given: Path
    path: Path
    data: bytes
    mode: int
    owner: tuple[int, int]
    identity: tuple[int, int]

    @property
    def text(self) -> str:
        """Raises FileRefused G29 where it is no UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"{self.given} is no UTF-8 text: {error.reason}", "save it as UTF-8", code="G29"
            ) from None


def hold(given: Path) -> Held:
    """Read a file that may be replaced later. Raises FileRefused."""
    try:
        path = given.resolve(strict=True)
        named = given.lstat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            _check(given, path, named, found)
            data = file.read(_MOST_BYTES + 1)
    except (OSError, RuntimeError) as error:
        raise FileRefused(f"{given} cannot be read: {_reason(error)}", f"ls -l {given}", code="G29") from None
    if len(data) > _MOST_BYTES:
        raise FileRefused(f"{given} has more than {_MOST_BYTES >> 20} MiB", "name a client's settings")
    identity = found.st_dev, found.st_ino
    return Held(given, path, data, stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid), identity)


def replace(held: Held, data: bytes) -> None:
    """Put `data` in the place of what was held, at once or not at all. Raises FileRefused G28 where it has changed."""
    now = hold(held.given)
    try:
        with _folder(held.path.parent) as folder:
            there = os.stat(held.path.name, dir_fd=folder, follow_symlinks=False)
            if (now.path, now.data, now.identity) != (held.path, held.data, (there.st_dev, there.st_ino)):
                raise FileRefused(f"{held.given} was changed meanwhile", "the same command once more", code="G28")
            _put(folder, held.path.name, data, held)
    except OSError as error:
        raise FileRefused(
            f"{held.path} cannot be written: {_reason(error)}", f"ls -ld {held.path.parent}", code="G29"
        ) from None


def keep(held: Held, folder: Path) -> Path:
    """A copy of what was held, for its owner only; the same content is kept once. Raises FileRefused G29."""
    place = hashlib.sha256(os.fsencode(held.path)).hexdigest()[:8]
    copy = folder / f"{held.path.name}.{place}.{hashlib.sha256(held.data).hexdigest()[:8]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(folder) as descriptor:
            if os.fstat(descriptor).st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it belongs to another user")
            with _opened(descriptor, copy.name, os.O_TRUNC) as file:
                file.write(held.data)
    except OSError as error:
        raise FileRefused(
            f"no backup can be kept in {folder}: {_reason(error)}", f"ls -ld {folder}", code="G29"
        ) from None
    return copy


def _check(given: Path, path: Path, named: os.stat_result, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused(f"{given} is no file", "name a client's settings")
    if os.geteuid() not in (0, found.st_uid) or (stat.S_ISLNK(named.st_mode) and named.st_uid != found.st_uid):
        where = f", where {given} leads," if path != given else ""
        raise FileRefused(f"{path}{where} belongs to another user", "let its owner wrap it")
    if found.st_nlink > 1:
        raise FileRefused(f"{path} has {found.st_nlink} names, and replacing it would part them", "copy it first")


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    """A folder by its descriptor: whoever renames it, or puts another in its place, misleads nobody who has it open."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _put(folder: int, name: str, data: bytes, like: Held) -> None:
    """Write a file beside the one under this name, and let it take its place."""
    aside = f".{name}.{secrets.token_hex(8)}"
    try:
        with _opened(folder, aside, os.O_EXCL) as file:
            with contextlib.suppress(PermissionError):  # a group that we are not in
                os.fchown(file.fileno(), *like.owner)
            os.fchmod(file.fileno(), like.mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(aside, dir_fd=folder)
        raise


def _opened(folder: int, name: str, how: int) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how
    return os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
