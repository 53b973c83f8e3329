"""How much of one message is read for its content. Its sender chooses the size; what is not read is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .walk import Leaf, leaves

__all__ = ["Budget"]

_CHARACTERS = 262_144
_SCALARS = 65_536


@dataclass(slots=True)
class Budget:
    """What may still be read of a message; `exceeded` says that it was more."""

    characters: int = _CHARACTERS
    scalars: int = _SCALARS
    exceeded: bool = False

    def take(self, text: str) -> str:
        """The part of `text` that may be scanned, empty when nothing is left."""
        if len(text) > self.characters:
            self.exceeded = True
            text = text[: self.characters]
        self.characters -= len(text)
        return text

    def leaves(self, value: object) -> Iterator[Leaf]:
        """The scalars of `value` as long as both budgets last."""
        for leaf in leaves(value):
            if not self.scalars or not self.characters:
                self.exceeded = True
                return
            self.scalars -= 1
            yield leaf
