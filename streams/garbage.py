"""How a worker looks for cycles: in what is young only, so that it never stands still for what it holds.

It holds millions of objects for a minute and makes no cycles of them; a collection that goes through all of them takes
a second. So what outlived one collection is set aside (`gc.freeze`), where reference counts still free it. Cycles that
grew old there wait until partitions move: then the worker forgets everything anyway.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["collect_all", "collect_young", "collecting_young"]

_YOUNG = 50_000  # objects; some 20 ms


def collect_young() -> None:
    """From now on, in this process."""
    collect_all()
    gc.set_threshold(_YOUNG, 10, 10)
    if _set_aside not in gc.callbacks:
        gc.callbacks.append(_set_aside)


@contextmanager
def collecting_young() -> Iterator[None]:
    """For so long; then as before, and what grew old meanwhile is looked at again."""
    before = gc.get_threshold()
    collect_young()
    try:
        yield
    finally:
        gc.callbacks.remove(_set_aside)
        gc.set_threshold(*before)
        gc.unfreeze()


def collect_all() -> None:
    """Go through everything once, which takes as long as there is much."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _set_aside(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop":
        gc.freeze()
