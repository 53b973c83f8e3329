"""What a kernel told against what the known workload must give. Pure.

An event may be absent only where the kernel lacks the feature that reports it; none may be there too often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

__all__ = ["EXPECTED", "kinds", "read", "unexplained", "write"]

EXPECTED = Path(__file__).with_name("expected.txt")

# What stands in a line of normalise.py, and the features without any of which such an event is not told.
_REPORTED_BY = (
    ("via=compat", {"open-32bit"}),
    ("via=io_uring", {"open-io-uring"}),
    ("flow ", {"bytes"}),
    ("connect ", {"connect"}),
    ("listen ", {"connect"}),
    ("accept ", {"messages"}),
    ("dns ", {"messages"}),
    ("descriptor ", {"messages"}),
)


def read(text: str) -> Counter[str]:
    """Lines of EXPECTED, each a number and an event."""
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return Counter({event: int(number) for number, event in pairs})


def write(events: Iterable[str]) -> str:
    return "".join(f"{number} {event}\n" for event, number in sorted(Counter(events).items()))


def unexplained(expected: Counter[str], told: Iterable[str], missing: Collection[str]) -> list[str]:
    """Differences that the missing features do not explain, each as "-2 event" or "+1 event"."""
    seen = Counter(told)
    lacking = [(event, number) for event, number in (expected - seen).items() if not _needs(event) & set(missing)]
    beyond = (seen - expected).items()
    return [*(f"-{number} {event}" for event, number in lacking), *(f"+{number} {event}" for event, number in beyond)]


def kinds(events: Iterable[str]) -> Counter[str]:
    """How many events of each kind; sums of a file's bytes are no events of their own."""
    return Counter(event.split(" ", 1)[0] for event in events if not event.startswith("sum "))


def _needs(event: str) -> set[str]:
    return {feature for mark, features in _REPORTED_BY if mark in f"{event} " for feature in features}
