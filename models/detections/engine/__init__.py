"""Compile detection rules to predicates and run the tests inside them."""

from .errors import RuleError
from .growing import Growing
from .rule import Rule
from .rulebook import Evaluation, Hit, NotJudged, Rulebook, Windowed, WindowHit
from .sightings import Content, Memory, Place, Sight, content

__all__ = [
    "Content", "Evaluation", "Growing", "Hit", "Memory", "NotJudged", "Place", "Rule", "RuleError", "Rulebook", "Sight",
    "WindowHit", "Windowed", "content",
]  # fmt: skip
