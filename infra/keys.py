"""The file with the digest key: 32 random bytes as hex digits, readable by its owner only. Never overwrites one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..models.digest import Keyring
from .errors import KeyFileError

__all__ = ["ensure", "load", "new"]


def new(path: Path) -> Keyring:
    """Write a new key. Raises KeyFileError D02 where it cannot be written, D03 where a file is there already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(
            f"{path} is there already, and records under another key no longer meet",
            "name another file; point digest.key_file at it when you mean to rotate",
            code="D03",
        ) from None
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}", "name a file you may write", code="D02") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return load(path)


def load(path: Path, key_id: str = "") -> Keyring:
    """The keyring of a file; without `key_id` the id is derived from the key. Raises KeyFileError D01, D02."""
    try:
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise KeyFileError(f"there is no digest key at {path}", f"triptych keys new {path}") from None
    except OSError as error:
        raise KeyFileError(
            f"cannot read the digest key {path}: {error.strerror}", f"ls -l {path}", code="D02"
        ) from None
    except ValueError:
        raise KeyFileError(f"{path} holds no key: hex digits are expected", "triptych keys new", code="D02") from None
    return Keyring(key, key_id or _id_of(key))


def ensure(path: Path, key_id: str = "") -> Keyring:
    """The keyring of a file, made now where there is none: for the demo, where all producers are one run."""
    if not path.exists():
        new(path)
    return load(path, key_id)


def _id_of(key: bytes) -> str:
    """A name two producers agree on only when their keys are equal; tells nothing about the key (keyed, 32 bits)."""
    return Keyring(key, "").digest("triptych key id")[:8]
