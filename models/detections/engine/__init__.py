"""Compile detection rules to predicates and run the tests inside them."""

from .errors import RuleError
from .growing import Growing
from .rule import Rule
from .rulebook import Evaluation, Hit, Rulebook, Windowed, WindowHit
from .sightings import Addition, Content, Key, Memory, Place, content, member
from .telling import Told
from .verdicts import Failed, NotJudged

__all__ = [
    "Addition",
    "Content",
    "Evaluation",
    "Failed",
    "Growing",
    "Hit",
    "Key",
    "Memory",
    "NotJudged",
    "Place",
    "Rule",
    "RuleError",
    "Rulebook",
    "Told",
    "WindowHit",
    "Windowed",
    "content",
    "member",
]  # fmt: skip
