"""What there is to say of rules: one line each, one in full, and which techniques they cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...models import frameworks
from ...models.detections.engine import Rule
from .errors import DetectionsError

__all__ = ["coverage", "explained", "find", "listed"]


def listed(rules: Iterable[Rule]) -> list[dict[str, str]]:
    """Rows for a table."""
    return [
        {
            "rule": rule.id,
            "version": str(rule.version),
            "severity": rule.severity,
            "needs": ", ".join(rule.needs.layers) or "-",
            "techniques": ", ".join(rule.attacks),
            "title": rule.title,
        }
        for rule in rules
    ]


def find(rules: Sequence[Rule], identifier: str) -> Rule:
    """The rule with that id, or the only one that begins so. Raises DetectionsError D22."""
    found = [rule for rule in rules if rule.id == identifier] or [
        rule for rule in rules if rule.id.startswith(identifier)
    ]
    if len(found) != 1:
        some = ", ".join(rule.id for rule in found[:5]) or "none"
        raise DetectionsError(f"no single rule is called {identifier!r}", f"near it: {some}; triptych detections list")
    return found[0]


def explained(rule: Rule) -> list[tuple[str, str]]:
    """Headings and texts: what an analyst and a colleague need to know."""
    needs = rule.needs
    told = [
        ("rule", f"{rule.id} v{rule.version}: {rule.title}"),
        ("severity", f"{rule.severity}, risk {rule.risk:g}"),
        ("why", rule.why),
        ("needs", f"layers {', '.join(needs.layers) or 'any'}; binding {needs.binding}; baseline {needs.baseline}"),
        ("blind to", rule.blind),
        ("false positives", "; ".join(rule.false_positives)),
        ("triage", "\n".join(f"{number}. {step}" for number, step in enumerate(rule.triage, 1))),
        ("techniques", ", ".join(f"{one} {_name(one)}" for one in rule.attacks)),
        ("risks", ", ".join(rule.tags)),
        ("tests", "\n".join(f"{test.expect}: {test.name}" for test in rule.tests)),
        ("file", str(rule.file)),
    ]
    return [(heading, text) for heading, text in told if text]


def coverage(rules: Sequence[Rule]) -> list[dict[str, str]]:
    """Rows by technique: who speaks of it."""
    by_technique: dict[str, list[str]] = {}
    for rule in rules:
        for one in rule.attacks:
            by_technique.setdefault(one, []).append(rule.id)
    return [
        {"technique": one, "name": _name(one), "rules": str(len(names)), "by": ", ".join(sorted(names))}
        for one, names in sorted(by_technique.items())
    ]


def _name(identifier: str) -> str:
    technique = frameworks.technique(identifier)
    return technique.name if technique else ""
