"""Sigma rules over calls, effects and tool definitions; pySigma parses, the predicates are ours."""

from .errors import SigmaRuleError
from .rules import SigmaRules

__all__ = ["SigmaRuleError", "SigmaRules"]
