"""The key behind every keyed digest of a gateway, from its settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ...models.digest import Keyring
from ...models.errors import ConfigError

__all__ = ["load_keyring"]


def load_keyring(file: Path | None, key_id: str) -> Keyring:
    """The key in `file`, else one of this run alone, and a line that says so. Raises ConfigError."""
    if file is None:
        print("triptych-gateway: no key_file, so digests of this run match no other producer's", file=sys.stderr)
        return Keyring(os.urandom(32), "ephemeral")
    try:
        return Keyring.of_file(file.read_bytes(), key_id)
    except OSError as error:
        raise ConfigError(f"the digest key {file} cannot be read: {error.strerror}", "triptych keys new") from error
