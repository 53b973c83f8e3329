"""What rules have in common that are no TOML file: how they judge a turn, and the facts that a finding quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import frameworks
from .detections.engine import Addition, Content, Hit, Place, Rule, Windowed
from .detections.engine.rule import SEVERITIES, Needs, RuleTest
from .events import Call, Severity
from .text import clean
from .turn import Turn

__all__ = ["RISK", "About", "RuleSet", "cited", "rule_of", "slug", "texts_of"]

RISK: Mapping[Severity, float] = {"informational": 10, "low": 30, "medium": 50, "high": 75, "critical": 92}
"""What a severity alone means as a risk, within the bands of grading.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the author says of a rule beside its logic."""

    why: str = ""
    blind: str = ""
    false_positives: tuple[str, ...] = ()
    triage: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()


class RuleSet(Protocol):
    """Rules that judge a turn by themselves."""

    @property
    def rules(self) -> Sequence[Rule]: ...

    def evaluate(self, turn: Turn) -> tuple[Hit, ...]:
        """What they say. The same turn gives the same answer, however often it is asked."""

    def additions(self, call: Call) -> tuple[Addition, ...]:
        """What a call adds to windows over many turns."""

    def watch(self, call: Call, windows: Mapping[Place, Content]) -> Windowed:
        """What those windows say of it; `windows` answers its `additions`."""


def rule_of(
    identifier: str, title: str, severity: str, *, file: Path, digest: str, version: int = 1, about: About | None = None
) -> Rule:
    """The facts of a rule that is no TOML file. Unknown severities are medium."""
    about = about or About()
    grade: Severity = severity if severity in SEVERITIES else "medium"
    return Rule(
        id=identifier,
        version=version,
        title=clean(title, 160),
        severity=grade,
        risk=RISK[grade],
        why=about.why,
        blind=about.blind,
        false_positives=about.false_positives,
        triage=about.triage,
        attacks=about.attacks,
        tags=about.tags,
        covers=(),
        signal=False,
        needs=Needs(layers=(), binding="none", baseline="learning", outside_calls=False),
        steps=(),
        window=None,
        dedup=None,
        escalations=(),
        tests=about.tests,
        file=file,
        digest=digest,
    )


def cited(tags: Iterable[str]) -> tuple[str, ...]:
    """The techniques among Sigma's tags (`attack.t1041`, `atlas.aml.t0086`) that the framework table knows."""
    parts = (tag.partition(".") for tag in tags)
    ids = (identifier.upper() for framework, _, identifier in parts if framework in ("attack", "atlas"))
    return tuple(dict.fromkeys(identifier for identifier in ids if frameworks.known(identifier)))


def texts_of(value: Any, name: str) -> tuple[str, ...]:
    """What an author says in one text or in several. Raises ValueError."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be text, or a list of texts")
    return tuple(value)


def slug(text: str) -> str:
    """`Reads of /etc` becomes `reads-of-etc`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "unnamed"
