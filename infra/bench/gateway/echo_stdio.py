"""The MCP server behind the stdio gateways of this benchmark. One write a reply, as servers do."""

from __future__ import annotations

import os

from .answers import answer

__all__ = ["main"]


def main() -> None:
    """Until stdin ends."""
    rest = b""
    while chunk := os.read(0, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if (reply := answer(line)) is not None:
                _say(reply + b"\n")


def _say(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
