"""Where an argument value was seen before: in the result of an earlier call of the same conversation.

Remembers 64-bit process-local hashes, never text, of a bounded number of values and conversations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice

from ...tokens import SHORTEST, tokens

__all__ = ["Origins"]

_CONVERSATIONS = 64
_VALUES = 16_384
_SCANNED = 65_536  # characters of one result value


class Origins:
    """Values of earlier results by conversation; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, dict[int, str]] = OrderedDict()

    def remember(self, conversation: str, call_id: str, text: str) -> None:
        """Note the whole of a result value and its tokens. The first call that showed a value keeps it."""
        known = self._of(conversation)
        if len(text) < SHORTEST:
            return
        known.setdefault(hash(text), call_id)
        for token in tokens(text[:_SCANNED]):
            known.setdefault(hash(token), call_id)
        if len(known) > _VALUES:
            for old in list(islice(known, len(known) - _VALUES)):
                del known[old]

    def find(self, conversation: str, forms: Iterable[str]) -> str | None:
        """call_id of the call in whose result one of `forms` stood."""
        known = self._seen.get(conversation)
        if not known:
            return None
        return next((call for form in forms if (call := known.get(hash(form))) is not None), None)

    def _of(self, conversation: str) -> dict[int, str]:
        known = self._seen.setdefault(conversation, {})
        self._seen.move_to_end(conversation)
        if len(self._seen) > _CONVERSATIONS:
            self._seen.popitem(last=False)
        return known
