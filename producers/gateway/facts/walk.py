"""The scalars of a parsed JSON value with their pointers (RFC 6901). Depth and width are the sender's choice, so: no
recursion, and no more memory than the nesting itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Leaf", "leaves"]

_Link = tuple[Any, str] | None  # (link of the parent, own name)
_Open = tuple[_Link, str, bool, Iterator[tuple[Any, Any]]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """`key` is the nearest member name above the value."""

    key: str
    value: str | int | float | bool | None
    link: _Link

    @property
    def path(self) -> tuple[str, ...]:
        """Member names and indices from the root."""
        names: list[str] = []
        link = self.link
        while link is not None:
            link, name = link
            names.append(name)
        return tuple(reversed(names))


def leaves(value: object) -> Iterator[Leaf]:
    """Depth first, in the order of the text. Empty containers have none."""
    if not isinstance(value, dict | list):
        value = {"": value}
    stack: list[_Open] = [_open(None, "", value)]
    while stack:
        parent, above, named, members = stack[-1]
        for name, node in members:
            key = name if named else above
            if isinstance(node, dict | list):
                stack.append(_open((parent, str(name)), key, node))
                break
            yield Leaf(key, node, (parent, str(name)))
        else:
            stack.pop()


def _open(link: _Link, key: str, node: dict[str, Any] | list[Any]) -> _Open:
    members: Iterable[tuple[Any, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
    return link, key, isinstance(node, dict), iter(members)
