"""Keyed digests: how layers say "the same value" without saying the value.

Every producer of a tenant holds the same key, so a path the gateway saw in an argument and a path the kernel resolved
meet in the streams. Without the key a digest tells nothing, even of short values (HMAC-SHA-256, RFC 2104, 128 bits).
"""

from __future__ import annotations

import hashlib

from .errors import ConfigError

__all__ = ["Keyring"]

_BLOCK = 64


class Keyring:
    """Digests under one key. `key` needs at least 16 bytes; `key_id` names it in every record (rotation)."""

    def __init__(self, key: bytes, key_id: str) -> None:
        if len(key) < 16:
            raise ConfigError(f"the digest key has {len(key)} bytes, at least 16 are needed", "triptych keys new")
        key = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
        padded = key.ljust(_BLOCK, b"\0")
        self.key_id = key_id
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)).copy
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)).copy

    @classmethod
    def of_file(cls, content: bytes, key_id: str = "") -> Keyring:
        """The keyring in a key file, the same for every producer. Without `key_id` the id is derived from the key, so
        two producers agree on an id only when their digests can meet; it tells nothing else (keyed, 32 bits).
        """
        key = content.strip()
        return cls(key, key_id or cls(key, "").digest("triptych key id")[:8])

    def digest(self, value: bytes | str) -> str:
        """128 bits of HMAC-SHA-256 as 32 hex digits. Text is taken as UTF-8, lone surrogates kept."""
        inner = self._inner()  # a copied state saves hashing the key again, half of the cost of a short HMAC
        inner.update(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
        outer = self._outer()
        outer.update(inner.digest())
        return outer.hexdigest()[:32]
