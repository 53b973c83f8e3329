"""Names that a reader takes for one another: equal but for case, separators, look-alike letters, or one edit. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["skeleton", "twins"]

_LEAST = 5  # shorter names differ by one letter by themselves: get and set
_LOOKS = str.maketrans("013457@$!|", "oieastasil")
_LETTERS = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u04bb\u0501\u051b\u0432\u043d\u043a\u043c\u0442"
    "\u03b1\u03b5\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u0131\u0261",
    "aeopcyxijhdqbhkmtaeopviktuig",
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@lru_cache(8192)
def skeleton(name: str) -> str:
    """What remains of a name for a hasty eye: letters and digits only, look-alikes as one."""
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_LETTERS).translate(_LOOKS)
    kept = "".join(char for char in plain if char.isalnum())
    for pair, single in _PAIRS:
        kept = kept.replace(pair, single)
    return kept.replace("l", "i")


def twins(name: str, others: Iterable[str]) -> str | None:
    """The first of the others that is alike."""
    mine = skeleton(name)
    for other in others:
        theirs = skeleton(other)
        if mine == theirs or (min(len(mine), len(theirs)) >= _LEAST and _one_edit(mine, theirs)):
            return other
    return None


def _one_edit(one: str, other: str) -> bool:
    """Whether one letter added, left out, replaced, or two swapped make them equal."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) == len(other):
        swapped = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
        return one[at + 1 :] == other[at + 1 :] or swapped
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[at + 1 :] == shorter[at:]
