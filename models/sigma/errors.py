"""What can be wrong with a Sigma rule."""

from __future__ import annotations

from ..detections.engine import RuleError

__all__ = ["SigmaRuleError"]


class SigmaRuleError(RuleError):
    """A Sigma rule that cannot be used: D10 not readable, D11 uses what is not supported, D12 asks for what no event of
    ours has."""

    code = "D10"
