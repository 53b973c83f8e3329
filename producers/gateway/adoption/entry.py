"""What wrapping asks of one server's entry, and why an entry is left alone."""

from __future__ import annotations

from .jsonc import Node

__all__ = ["Unfit", "strings", "text_of"]


class Unfit(Exception):
    """Why this entry stays as it is, in words for the person who asked."""


def text_of(node: Node | None) -> str | None:
    """The content of a string; None for anything else."""
    return node.text if node is not None and node.kind == "string" else None


def strings(node: Node | None) -> list[str] | None:
    """The contents of an array of strings; None for anything else."""
    if node is None or node.kind != "array" or any(item.kind != "string" for item in node.items):
        return None
    return [item.text for item in node.items]
