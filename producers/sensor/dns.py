"""The name a DNS message asks for (RFC 1035, section 4.1). Pure; says None for bytes that ask for none."""

from __future__ import annotations

__all__ = ["question"]

_HEADER = 12
_RESPONSE = 0x80
_LONGEST_LABEL = 63
_LONGEST_NAME = 255


def question(message: bytes, *, over_tcp: bool = False) -> bytes | None:
    """First name asked for, lower case, labels joined by dots; a message over TCP has its length in front.

    A message that was cut inside the name gives the labels that are whole.
    """
    message = message[2:] if over_tcp else message
    if len(message) < _HEADER or message[2] & _RESPONSE or not int.from_bytes(message[4:6]):
        return None
    labels: list[bytes] = []
    at = _HEADER
    while at < len(message) and 0 < message[at] <= _LONGEST_LABEL:
        end = at + 1 + message[at]
        if end > min(len(message), _HEADER + _LONGEST_NAME):
            break
        labels.append(message[at + 1 : end].lower())
        at = end
    return b".".join(labels) or None
