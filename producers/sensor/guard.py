"""Watches the sensor's own hold on the kernel: whether its links are still the ones it made.

Refuses to trust that a descriptor means what it meant: whoever may trace the sensor can close or exchange it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["Guard"]

_FDINFO = Path("/proc/self/fdinfo")
_TELLING = ("link_type", "link_id", "prog_id", "tp_name")  # bpf_link_show_fdinfo of the kernel


class Guard:
    """`links`: program to descriptor, as they were attached."""

    def __init__(self, links: Mapping[str, int]) -> None:
        self._links = dict(links)
        self._made = {name: _identity(descriptor) for name, descriptor in links.items()}

    def gone(self) -> tuple[str, ...]:
        """Programs whose link is closed, or is another than was made."""
        return tuple(name for name, descriptor in self._links.items() if _identity(descriptor) != self._made[name])


def _identity(descriptor: int) -> tuple[str, ...]:
    """What the kernel says the descriptor is; empty where it is no link."""
    try:
        lines = (_FDINFO / str(descriptor)).read_text().splitlines()
    except OSError:
        return ()
    return tuple(line for line in lines if line.partition(":")[0] in _TELLING)
