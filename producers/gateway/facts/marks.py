"""Signs of text meant for the model: in definitions of tools and prompts, in a server's instructions. Never the text.

Every pattern is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .budget import Budget
from .phrases import instructs, may_instruct

__all__ = ["PATTERNS", "marks", "spoken", "texts"]

_LONG = 4096
_PIECE = 32_768
_OVERLAP = 512  # longer than any phrase
_MOST_PIECES = 8  # whose words are read one by one
PATTERNS = tuple(
    (tag, re.compile(pattern, re.IGNORECASE))
    for tag, pattern in (
        ("hidden-unicode", "[\u00ad\u200b\u200c\u2060-\u2064\ufeff\u180e\u3164\u115f\u1160\ue000-\uf8ff]"),
        ("bidi-control", "[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]"),
        ("tag-characters", "[\U000e0000-\U000e007f]"),
        ("variation-selectors", "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}+"),
        ("control-characters", "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
        ("instruction-marker", r"<\s*+/?+\s*+(?:important|system|instructions?+|secret|hidden)\s*+>"),
        ("sensitive-path", r"\.(?:ssh|aws|kube|gnupg|netrc|npmrc|docker)\b|id_rsa|/etc/(?:shadow|passwd)|mcp\.json"),
    )
)


def marks(found: Iterable[str]) -> set[str]:
    """The tags of what stands in any of the texts."""
    tags: set[str] = set()
    for text in found:
        tags.update(tag for tag, pattern in PATTERNS if pattern.search(text))
        if instructs(text):
            tags.add("instruction-marker")
        if len(text) > _LONG:
            tags.add("long-text")
    return tags


_OF_RESULTS = frozenset(
    ("hidden-unicode", "bidi-control", "tag-characters", "variation-selectors", "instruction-marker")
)
_IN_RESULTS = tuple((tag, pattern) for tag, pattern in PATTERNS if tag in _OF_RESULTS)


def spoken(found: Iterable[str]) -> set[str]:
    """The tags of results: what is hidden in them, and what speaks to the model.

    Fast, because results are many and long: at most 256 KiB, where words of a phrase stand, are read word by word.
    """
    tags: set[str] = set()
    left = _MOST_PIECES
    for text in found:
        if not text.isascii() or "<" in text:
            tags.update(tag for tag, pattern in _IN_RESULTS if pattern.search(text))
        for start in range(0, len(text), _PIECE):
            lowered = text[start : start + _PIECE + _OVERLAP].lower()
            if left and may_instruct(lowered):
                left -= 1
                if instructs(lowered):
                    tags.add("instruction-marker")
                    left = 0
    return tags


def texts(value: object, budget: Budget) -> Iterator[str]:
    """String values, and each member name once for all the values in a row that it stands above."""
    above = None
    for key, leaf, _ in budget.leaves(value):
        if key is not above:
            above = key
            yield budget.take(above)
        if isinstance(leaf, str):
            yield budget.take(leaf)
