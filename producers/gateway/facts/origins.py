"""Where an argument value was seen before: in the result of an earlier call of the same conversation.

Remembers 64-bit process-local hashes, never text, of a bounded number of values and conversations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import repeat

from ...tokens import token_hashes, tokens
from .values import destinations

__all__ = ["Origins", "Seen"]

_CONVERSATIONS = 64
_VALUES = 8192  # of one generation; two are kept
_SCANNED = 65_536  # characters of one result value
_DESTINATIONS = 256  # of one result


class Seen:
    """Values of one conversation. The older generation goes as a whole: to drop single ones costs more than to keep
    them.
    """

    __slots__ = ("new", "old")

    def __init__(self) -> None:
        self.new: dict[int, str] = {}
        self.old: dict[int, str] = {}

    def add(self, hashes: set[int], call_id: str) -> None:
        """The first call that showed a value keeps it."""
        fresh = hashes.difference(self.new)
        if self.old:
            self.new.update(zip(fresh, map(self.old.get, fresh, repeat(call_id)), strict=True))
        else:
            self.new.update(dict.fromkeys(fresh, call_id))
        if len(self.new) > _VALUES:
            self.old, self.new = self.new, {}

    def any(self, forms: Iterable[str]) -> str | None:
        """call_id of the call in whose result one of `forms` stood; the forms that say most come first."""
        for form in forms:
            hashed = hash(form)
            if (call_id := self.new.get(hashed) or self.old.get(hashed)) is not None:
                return call_id
        return None


class Origins:
    """Values of earlier results by conversation; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, Seen] = OrderedDict()

    def of(self, conversation: str) -> Seen | None:
        """What this conversation has seen; None where it has seen nothing."""
        return self._seen.get(conversation)

    def remember(self, conversation: str, call_id: str, texts: Sequence[str]) -> None:
        """Note each text of a result as a whole, its tokens, and of URLs in it also whom they name."""
        seen = self._seen.get(conversation)
        if seen is None:
            seen = self._seen[conversation] = Seen()
            if len(self._seen) > _CONVERSATIONS:
                self._seen.popitem(last=False)
        else:
            self._seen.move_to_end(conversation)
        scanned = "\n".join([text[:_SCANNED] for text in texts])
        hashes = token_hashes(scanned)
        hashes.update(map(hash, texts))
        if "://" in scanned:
            urls = [value for value in tokens(scanned) if "://" in value][:_DESTINATIONS]
            hashes.update(hash(form) for url in urls for form in destinations(url))
        seen.add(hashes, call_id)
