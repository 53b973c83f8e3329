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

__all__ = ["PATTERNS", "entropy", "find_secrets", "looks_secret", "may_hold", "names_secret"]

_FAMILIES = (  # name, one of the pieces that every member has, and the pattern, which re compiles at its first use
    ("aws-access-key", ("AKIA", "ASIA", "ABIA", "ACCA"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,251}+"),
    ("github-token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("slack-token", ("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}+"),
    ("google-api-key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}"),
    ("private-key", ("PRIVATE KEY",), r"-----BEGIN (?:[A-Z0-9]{1,16}+ ){0,3}PRIVATE KEY-----[^-]{0,8192}+"),
    ("jwt", ("eyJ",), r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{0,4096}+"),
    (
        "connection-string",
        ("://",),
        r"(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,20}+://[^\s/:@\"']{0,128}+:[^\s/@\"']{1,256}+@[^\s\"']{1,256}+",
    ),
)
_KEYS = ("apikey", "api_key", "api-key", "access_key", "accesskey", "private_key")
_ASSIGNED = r"(?<![\w-])([\w-]++)[\"']?+\s{0,4}+[=:]\s{0,4}+[\"']?+([^\s\"',;]{20,512}+)"
PATTERNS = (*(pattern for _, _, pattern in _FAMILIES), _ASSIGNED)
_UNDERSCORED = tuple(marker for _, markers, _ in _FAMILIES[1:3] for marker in markers)
_LEAST = 8  # no family is shorter
_NAME = 128
_SHORTEST, _LONGEST = 20, 512
_ENTROPY = 4.0


def may_hold(data: bytes) -> bool:
    """Whether a JSON text may hold anything that `find_secrets` finds in its strings. False is certain.

    The one look at most messages, so it asks for single characters first, as a search for one is many times faster.
    Escapes that could spell a letter or a slash count as a yes.
    """
    text = data.decode("latin-1")
    return (
        ("A" in text and ("IA" in text or "CCA" in text or "AIza" in text or "PRIVATE KEY" in text))
        or ("/" in text and "://" in text)
        or ("J" in text and "eyJ" in text)
        or ("_" in text and any(marker in text for marker in _UNDERSCORED))
        or "xox" in text
        or ("\\" in text and ("\\u" in text or "\\/" in text))
        or _tells(text)
    )


def find_secrets(text: str, key: str = "") -> Iterator[tuple[str, str]]:
    """Family and value of everything secret-like in all of `text`, which stood under the member name `key`."""
    if len(text) < _LEAST:
        return
    known = False
    for family, markers, pattern in _FAMILIES:
        for marker in markers:
            if marker in text:
                for match in re.finditer(pattern, text):
                    known = True
                    yield family, match.group()
                break
    if not known:
        yield from _unknown_shape(text, key)


def _unknown_shape(text: str, key: str) -> Iterator[tuple[str, str]]:
    if names_secret(key[-_NAME:]) and _random(text):
        yield "high-entropy", text
        return
    if _tells(text):
        for match in re.finditer(_ASSIGNED, text):
            if names_secret(match[1][-_NAME:]) and _random(match[2]):
                yield "high-entropy", match[2]


def looks_secret(text: str) -> bool:
    """Whether `text` as a whole must not be published, for example as a member name."""
    return any(True for _ in find_secrets(text)) or _random(text)


@lru_cache(4096)
def names_secret(key: str) -> bool:
    """Whether a value under this name is meant to be secret."""
    return _tells(key)


def _tells(text: str) -> bool:
    """Whether a word for something secret stands in `text`."""
    lowered = text.lower()
    return (
        ("cre" in lowered and ("secret" in lowered or "credential" in lowered))
        or "token" in lowered
        or "passw" in lowered
        or ("key" in lowered and any(word in lowered for word in _KEYS))
    )


def _random(value: str) -> bool:
    return _SHORTEST <= len(value) <= _LONGEST and not any(map(str.isspace, value)) and entropy(value) >= _ENTROPY


def entropy(text: str) -> float:
    """Shannon entropy of the characters, bits a character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0
