"""How far a long command is, on a terminal's stderr; nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["counting"]


@contextmanager
def counting(what: str) -> Iterator[Callable[..., None]]:
    """A function that takes how many are done, and of how many if that is known."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total=0: None
        return
    with console.status("") as status:
        yield lambda done, total=0: status.update(f"{done:,} {f'of {total:,} ' if total else ''}{what}")
