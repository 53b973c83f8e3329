"""Where the server runs, as far as this machine tells: what relative paths among the arguments are relative to."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ServerPlace"]


class ServerPlace:
    """Of a server on another machine both are unknown, and `/`."""

    def __init__(self) -> None:
        self.cwd = self.home = "/"

    def of(self, pid: int) -> None:
        """Take over those of a process, where they may be read."""
        try:
            self.cwd = str(Path(f"/proc/{pid}/cwd").readlink())
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return
        for one in environment:
            if one.startswith(b"HOME="):
                self.home = one.removeprefix(b"HOME=").decode(errors="replace") or "/"
