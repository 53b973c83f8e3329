"""What the HTTP gateway says when it cannot work, or will not. The room's README explains the codes."""

from __future__ import annotations

from ....models.errors import ConfigError

__all__ = ["SMUGGLING", "ListenError", "Refusal", "UpstreamError"]

SMUGGLING = "smuggling"  # the anomaly of a message that two parsers may end at different bytes


class Refusal(Exception):
    """A message that is not passed on. `anomaly` and `detail` say why; nothing of the message stands in them."""

    def __init__(self, anomaly: str, status: int = 400, detail: str = "") -> None:
        super().__init__(anomaly)
        self.anomaly, self.status, self.detail = anomaly, status, detail


class ListenError(ConfigError):
    """G10 an address that is none, or that others could dial; G11 one that cannot be bound."""

    code = "G10"


class UpstreamError(ConfigError):
    """G12 a URL that names no MCP server; G13 a CA file that cannot be read."""

    code = "G12"
