"""What of an argv may leave the node: its shape. Whatever looks like a secret is masked before it is published."""

from __future__ import annotations

import re

from ...models.text import clean

__all__ = ["MASK", "arguments"]

MASK = "[redacted]"

_MOST = 32
_LONGEST = 256
_NAME = (
    r"(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|credential|cookie|authorization|bearer|signature"
    r"|(?:api|access|private|auth|secret|account)[-_.]?key)"
)
# Every repetition is bounded: the text is an attacker's, and backtracking must not become a way to stall the sensor.
_SECRET_OPTION = re.compile(rf"--?[\w.-]{{0,40}}{_NAME}[\w.-]{{0,40}}", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"({_NAME}[\w.-]{{0,40}}\s{{0,4}}[=:]\s{{0,4}})(?:(?:bearer|basic)\s{{1,4}})?(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(\w[\w+.-]{0,20}://)[^/\s@]+@")
_KNOWN = re.compile(
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS access key id
    r"|gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|sk-[\w-]{16,}|[rs]k_live_\w{16,}|AIza[\w-]{35}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON Web Token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
# Long runs of one alphabet are keys or encoded data; a path or a sentence has separators far more often.
_OPAQUE = re.compile(r"(?<![\w+/=-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}(?![\w+/-])")


def arguments(argv: tuple[bytes, ...]) -> tuple[str, ...]:
    """At most 32 arguments of at most 256 characters, secrets masked, control characters spelled out."""
    kept: list[str] = []
    follows_option = False
    for raw in argv[:_MOST]:
        text = raw.decode("utf-8", "replace")
        kept.append(MASK if follows_option and not text.startswith("-") else clean(_masked(text), _LONGEST))
        follows_option = bool(_SECRET_OPTION.fullmatch(text))
    return tuple(kept)


def _masked(text: str) -> str:
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _KNOWN.sub(MASK, text)
    return _OPAQUE.sub(MASK, text)
