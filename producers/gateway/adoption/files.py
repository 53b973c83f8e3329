"""Files of other programs, replaced as a whole: same owner and mode, a backup first, and never behind their back.

A symbolic link is followed to its end and stays: what it leads to is replaced, and only where it is a file of the same
user. A file of another user, with several names, or that is none is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from .errors import FileRefused

__all__ = ["Held", "hold", "keep", "replace"]

_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """A file as it was read. `path` is where it really stands, `given` how it was named."""

    given: Path
    path: Path
    data: bytes
    mode: int
    owner: tuple[int, int]

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
    return Held(given, path, data, stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid))


def replace(held: Held, data: bytes) -> None:
    """Put `data` in the place of what was held, at once or not at all. Raises FileRefused G28 where it has changed."""
    now = hold(held.given)
    if (now.path, now.data) != (held.path, held.data):
        raise FileRefused(f"{held.given} was changed meanwhile", "the same command once more", code="G28")
    aside = held.path.with_name(f".{held.path.name}.{secrets.token_hex(8)}")
    try:
        _write(aside, data, held)
        aside.replace(held.path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise FileRefused(
            f"{held.path} cannot be written: {_reason(error)}", f"ls -ld {held.path.parent}", code="G29"
        ) from None


def keep(held: Held, folder: Path) -> Path:
    """A copy of what was held, for its owner only; the same content is kept once. Raises FileRefused G29."""
    place = hashlib.sha256(os.fsencode(held.path)).hexdigest()[:8]
    copy = folder / f"{held.path.name}.{place}.{hashlib.sha256(held.data).hexdigest()[:8]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
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


def _write(path: Path, data: bytes, like: Held) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        with contextlib.suppress(PermissionError):  # a group that we are not in
            os.fchown(file.fileno(), *like.owner)
        os.fchmod(file.fileno(), like.mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
