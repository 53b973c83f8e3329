"""Compile detection rules to predicates and run the tests inside them."""

from .errors import RuleError
from .growing import Growing
from .rule import Rule
from .rulebook import Evaluation, Hit, NotJudged, Rulebook, Windowed, WindowHit
from .sightings import Addition, Content, Memory, Place, content

__all__ = [
    "Addition",
    "Content",
    "Evaluation",
    "Growing",
    "Hit",
    "Memory",
    "NotJudged",
    "Place",
    "Rule",
    "RuleError",
    "Rulebook",
    "WindowHit",
    "Windowed",
    "content",
]  # fmt: skip
