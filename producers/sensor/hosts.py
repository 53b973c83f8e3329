"""A DNS name as it may be published: labels that may carry data out, or a secret, stand as keyed digests. Pure."""

from __future__ import annotations

import re

from ...models.digest import Keyring
from ...models.text import clean

__all__ = ["host_name"]

_LONGEST = 255
_DIGEST = 12
# Below these nobody can buy a domain (RFC 6761, 6762 appendix G, 9476, and ICANN's own): what stands before is private.
_LOCAL = frozenset({"alt", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain"})
_LOCAL |= {"localhost", "private", "test"}
# People do not type labels that long; half as long with letters and digits mixed is how encoded bytes look.
_OPAQUE = re.compile(r".{32,}|(?=.*\d.*[a-z].*\d|.*[a-z].*\d.*[a-z]).{12,}", re.DOTALL | re.IGNORECASE)
_ENCODED = "xn--"  # another alphabet's domain, not encoded data


def host_name(name: bytes, keyring: Keyring) -> str:
    """At most 255 characters; the domain that was bought (the last two labels) tells who is asked, and is no secret."""
    *labels, top = name.decode("utf-8", "replace").split(".")
    bought = [] if top.lower() in _LOCAL else labels[-1:]
    hidden = [_label(label, keyring) for label in labels[: len(labels) - len(bought)]]
    last = top if top.startswith(_ENCODED) else _label(top, keyring)
    return clean(".".join([*hidden, *bought, last]), _LONGEST)


def _label(label: str, keyring: Keyring) -> str:
    return f"[{keyring.digest(label)[:_DIGEST]}]" if _OPAQUE.fullmatch(label) else label
