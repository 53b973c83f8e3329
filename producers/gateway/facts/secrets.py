"""Secret-like content: which family it belongs to, never what it is.

The families are shapes their issuers publish, so a hit is likely right and a miss proves nothing. Without a known shape
only a value under a telling name counts, and only when it is as random as a key (4 bits of entropy a character).
Every pattern is linear: whoever is watched chooses the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["PATTERNS", "entropy", "find_secrets", "looks_secret", "names_secret"]

_FAMILIES: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (family, marker, re.compile(pattern))
    for family, marker, pattern in (
        ("aws-access-key", "A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
        ("github-token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,251}+"),
        ("github-token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        ("slack-token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}+"),
        ("google-api-key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("private-key", "PRIVATE KEY", r"-----BEGIN (?:[A-Z0-9]{1,16}+ ){0,3}PRIVATE KEY-----[^-]{0,8192}+"),
        ("jwt", "eyJ", r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{0,4096}+"),
        (
            "connection-string",
            "://",
            r"(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,20}+://[^\s/:@\"']{0,128}+:[^\s/@\"']{1,256}+@[^\s\"']{1,256}+",
        ),
    )
)
_WORDS = (
    "secret",
    "token",
    "passw",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "private_key",
    "credential",
)
_ASSIGNED = re.compile(r"(?<![\w-])([\w-]++)[\"']?+\s{0,4}+[=:]\s{0,4}+[\"']?+([^\s\"',;]{20,512}+)")
PATTERNS = (*(pattern for _, _, pattern in _FAMILIES), _ASSIGNED)
_LEAST = 8  # no family is shorter
_NAME = 128
_SHORTEST, _LONGEST = 20, 512
_ENTROPY = 4.0


def find_secrets(text: str, key: str = "") -> Iterator[tuple[str, str]]:
    """Family and value of everything secret-like in all of `text`, which stood under the member name `key`."""
    if len(text) < _LEAST:
        return
    known = False
    for family, marker, pattern in _FAMILIES:
        if marker in text:
            for match in pattern.finditer(text):
                known = True
                yield family, match.group()
    if not known:
        yield from _unknown_shape(text, key)


def _unknown_shape(text: str, key: str) -> Iterator[tuple[str, str]]:
    if names_secret(key[-_NAME:]) and _random(text):
        yield "high-entropy", text
        return
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):
        for match in _ASSIGNED.finditer(text):
            if names_secret(match[1][-_NAME:]) and _random(match[2]):
                yield "high-entropy", match[2]


def looks_secret(text: str) -> bool:
    """Whether `text` as a whole must not be published, for example as a member name."""
    return any(True for _ in find_secrets(text)) or _random(text)


@lru_cache(4096)
def names_secret(key: str) -> bool:
    """Whether a value under this name is meant to be secret."""
    lowered = key.lower()
    return any(word in lowered for word in _WORDS)


def _random(value: str) -> bool:
    return _SHORTEST <= len(value) <= _LONGEST and not any(map(str.isspace, value)) and entropy(value) >= _ENTROPY


def entropy(text: str) -> float:
    """Shannon entropy of the characters, bits a character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0
