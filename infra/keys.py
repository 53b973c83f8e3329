"""The file with the digest key: 64 random hex digits, readable by its owner only. Never overwrites one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..models.digest import Keyring
from .errors import KeyFileError

__all__ = ["ensure", "load", "new"]


def new(path: Path) -> Keyring:
    """Write a new key. Raises KeyFileError F02 where it cannot be written, F03 where a file is there already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(
            f"{path} is there already, and records under another key no longer meet",
            "name another file; point digest.key_file at it when you mean to rotate",
            code="F03",
        ) from None
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}", "name a file you may write", code="F02") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    return load(path)


def load(path: Path, key_id: str = "") -> Keyring:
    """The keyring of a file. Raises KeyFileError F01, F02, ConfigError for a key that is too short."""
    try:
        return Keyring.of_file(path.read_bytes(), key_id)
    except FileNotFoundError:
        raise KeyFileError(f"there is no digest key at {path}", f"triptych keys new {path}") from None
    except OSError as error:
        raise KeyFileError(
            f"cannot read the digest key {path}: {error.strerror}", f"ls -l {path}", code="F02"
        ) from None


def ensure(path: Path, key_id: str = "") -> Keyring:
    """The keyring of a file, made now where there is none: for the demo, where all producers are one run."""
    if not path.exists():
        new(path)
    return load(path, key_id)
