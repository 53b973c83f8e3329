"""What an operator forbids. Light: this stands on the way to a wrapper's first byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ....models.errors import ConfigError

__all__ = ["OnFailure", "PolicyConfig"]

OnFailure = Literal["closed", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """Of one server. As it stands nothing is forbidden, so nothing is read for it.

    `on_failure` says what becomes of a message that cannot be read to its end once something is forbidden. Closed is
    the default: whoever forbids a tool wants it to be unreachable, also by a message that we read worse than a server.
    """

    allow: tuple[str, ...] | None = None  # tools that may be called, shell patterns in exact case; None allows all
    pins: Path | None = None  # file with the approved definitions of the tools
    on_failure: OnFailure = "closed"

    def __post_init__(self) -> None:
        if self.on_failure not in get_args(OnFailure):
            raise ConfigError(f"on_failure is {self.on_failure!r}", "choose closed or open")
        if self.allow is not None and not all(self.allow):
            raise ConfigError("allow holds an empty pattern, which no tool has for a name", "remove it")

    @property
    def forbids(self) -> bool:
        """Whether anything at all can be refused."""
        return self.allow is not None or self.pins is not None
