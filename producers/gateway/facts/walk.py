"""The scalars of a parsed JSON value with their pointers (RFC 6901), or only its shape. Depth and width are the
sender's choice, so: no recursion, and a bound on what is visited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["CONTAINERS", "Leaf", "Link", "Survey", "Walk", "path", "survey", "walk"]

CONTAINERS = frozenset({dict, list})  # the types that a parsed value nests by
Link = tuple[Any, str | int] | None  # (link of the parent, name in it); None is the root
Leaf = tuple[str, Any, Link]  # nearest member name above, value, own link
_Open = tuple[Link, str, bool, Iterator[tuple[Any, Any]]]


class Walk(NamedTuple):
    """`whole` is false where the value has more scalars than were asked for; `depth` is that of what was visited."""

    leaves: list[Leaf]
    depth: int
    whole: bool


class Survey(NamedTuple):
    """What a value is made of. `depth` counts containers in one another: 1 for a value without any in it."""

    texts: list[str]
    beside: int  # so many texts stand at the top level: the first ones
    scalars: int
    depth: int


def walk(value: object, most: int) -> Walk:
    """The first `most` scalars, depth first, in the order of the text. Empty containers have none."""
    leaves: list[Leaf] = []
    if not isinstance(value, dict | list):
        return Walk([("", value, (None, ""))], 0, True)
    stack = [_open(None, "", value)]
    depth = 1
    while stack:
        parent, above, named, members = stack[-1]
        for name, node in members:
            if type(node) in CONTAINERS:
                stack.append(_open((parent, name), name if named else above, node))
                depth = max(depth, len(stack))
                break
            leaves.append((name if named else above, node, (parent, name)))
            if len(leaves) > most:
                return Walk(leaves[:most], depth, False)
        else:
            stack.pop()
    return Walk(leaves, depth, True)


def survey(value: dict[str, Any]) -> Survey:
    """All of a value, level by level: several times cheaper than a walk, and without a bound."""
    texts: list[str] = []
    others = depth = beside = 0
    level: list[Any] = [value]
    while level:
        below: list[Any] = []
        for node in level:
            for item in node.values() if type(node) is dict else node:
                kind = type(item)
                if kind is str:
                    texts.append(item)
                elif kind is dict or kind is list:
                    below.append(item)
                else:
                    others += 1
        if not depth:
            beside = len(texts)
        depth += 1
        level = below
    return Survey(texts, beside, others + len(texts), depth)


def path(link: Link) -> list[str]:
    """Member names and indices from the root."""
    names: list[str] = []
    while link is not None:
        link, name = link
        names.append(str(name))
    names.reverse()
    return names


def _open(link: Link, key: str, node: dict[str, Any] | list[Any]) -> _Open:
    members: Iterable[tuple[Any, Any]] = node.items() if type(node) is dict else enumerate(node)
    return link, key, type(node) is dict, iter(members)
