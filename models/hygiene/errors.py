"""What can be wrong with a file of exceptions."""

from __future__ import annotations

from ..errors import ConfigError

__all__ = ["HygieneError"]


class HygieneError(ConfigError):
    """D13: an exception that is not complete, or names what no finding has."""

    code = "D13"
