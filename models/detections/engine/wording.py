"""How the facts of a window are said: names of fields as words, amounts in units. Whoever shows values cleans them."""

from __future__ import annotations

from ...text import plural, size

__all__ = ["amount", "shown", "word", "words"]

_WORDS = {
    "arguments_digest": "set of arguments",
    "fingerprint": "program",
    "shape": "form of request",
    "visit": "group of conversations",
}
_PLURALS = {"arguments_digest": "sets of arguments", "shape": "forms of request", "visit": "groups of conversations"}
_TELLING = frozenset(
    {"deed", "fingerprint", "name", "network", "path", "release", "rule", "server", "tool", "user_agent"}
)


def word(name: str) -> str:
    return _WORDS.get(name) or name.replace("_", " ")


def words(name: str) -> str:
    """Of several."""
    return _PLURALS.get(name) or word(name).removesuffix("s") + "s"


def shown(name: str, value: str) -> str:
    """A value in brackets where it tells something by itself: a digest does not."""
    return f" ({value})" if name in _TELLING else ""


def amount(name: str, value: float) -> str:
    """What a field of a scale says, which is a power of two."""
    if name == "reply_scale":
        return size(int(value))
    return plural(int(value), word(name.removesuffix("_scale")).removesuffix("s"))
