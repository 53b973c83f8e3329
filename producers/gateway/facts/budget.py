"""How much of one message is read for its content. Its sender chooses the size; what is not read is said."""

from __future__ import annotations

from .walk import Leaf, walk

__all__ = ["CHARACTERS", "SCALARS", "Budget"]

CHARACTERS = 262_144
SCALARS = 65_536


class Budget:
    """What may still be read of a message; `exceeded` says that it was more."""

    __slots__ = ("characters", "exceeded", "scalars")

    def __init__(self) -> None:
        self.characters = CHARACTERS
        self.scalars = SCALARS
        self.exceeded = False

    def take(self, text: str) -> str:
        """The part of `text` that may be scanned, empty when nothing is left."""
        if len(text) > self.characters:
            self.exceeded = True
            text = text[: self.characters]
        self.characters -= len(text)
        return text

    def leaves(self, value: object) -> list[Leaf]:
        """The scalars of `value` as long as the budget lasts."""
        leaves, _, whole = walk(value, self.scalars)
        self.scalars -= len(leaves)
        self.exceeded = self.exceeded or not whole
        return leaves

    def readable(self, value: object) -> list[Leaf]:
        """The same, with as much of their texts as may be scanned."""
        take = self.take
        return [(key, take(leaf) if isinstance(leaf, str) else leaf, link) for key, leaf, link in self.leaves(value)]
