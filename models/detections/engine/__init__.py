"""Compile detection rules to predicates and run the tests inside them."""

from .errors import RuleError
from .rule import Rule
from .rulebook import Evaluation, Hit, NotJudged, Rulebook

__all__ = ["Evaluation", "Hit", "NotJudged", "Rule", "RuleError", "Rulebook"]
