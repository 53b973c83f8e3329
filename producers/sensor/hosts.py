"""A DNS name as it may be published: labels that may carry data out, or a secret, stand as keyed digests. Pure."""

from __future__ import annotations

import re

from ...models.digest import Keyring
from ...models.text import clean

__all__ = ["host_name"]

_LONGEST = 255
_DIGEST = 12
_KEPT = 2  # the domain that was bought tells who is asked, and is no secret
# People do not type labels that long; half as long with letters and digits mixed is how encoded bytes look.
_OPAQUE = re.compile(r".{32,}|(?=.*\d.*[a-z].*\d|.*[a-z].*\d.*[a-z]).{12,}", re.DOTALL | re.IGNORECASE)


def host_name(name: bytes, keyring: Keyring) -> str:
    """At most 255 characters; the last two labels always stand as they are."""
    labels = name.decode("utf-8", "replace").split(".")
    hidden = [_label(label, keyring) for label in labels[:-_KEPT]]
    return clean(".".join([*hidden, *labels[-_KEPT:]]), _LONGEST)


def _label(label: str, keyring: Keyring) -> str:
    return f"[{keyring.digest(label)[:_DIGEST]}]" if _OPAQUE.fullmatch(label) else label
