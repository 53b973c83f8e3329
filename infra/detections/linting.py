"""What a careful colleague would say of a rule before it goes live: a sentence each, nothing where all is fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...models.detections.engine import Rule
from ...models.hygiene import Exemption

__all__ = ["lint", "lint_exceptions"]

_LEAST = 2


def lint(rule: Rule) -> Iterator[str]:
    if not rule.why.strip() or rule.why.startswith("Say "):
        yield f"{rule.id}: why does not say what an attacker gains"
    if not rule.false_positives:
        yield f"{rule.id}: false positives: nobody does this with good reason?"
    if not rule.attacks:
        yield f"{rule.id}: no technique of ATT&CK or ATLAS that models/frameworks.toml knows"
    if not rule.blind.strip() or rule.blind.startswith("Say "):
        yield f"{rule.id}: blind does not say what it cannot see"
    for expect, name in (("hit", "hits"), ("quiet", "near misses")):
        count = sum(test.expect == expect for test in rule.tests)
        if count < _LEAST:
            yield f"{rule.id}: {count} of at least {_LEAST} {name} among its tests"


def lint_exceptions(entries: Sequence[Exemption], rules: Sequence[Rule], now_ns: int) -> Iterator[str]:
    """Entries that have ended, and those that speak of no rule there is."""
    for entry in entries:
        if now_ns >= entry.expires_ns:
            yield f"{entry.told}: has ended and holds nothing back"
        if not any(entry.speaks_of(rule.id) for rule in rules):
            yield f"exception {entry.id}: no rule is called {', '.join(entry.rules)}"
