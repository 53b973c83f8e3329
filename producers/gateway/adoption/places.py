"""Where MCP clients keep their settings on Linux, as far as they tell."""

from __future__ import annotations

from pathlib import Path

__all__ = ["places"]

_HOME = (
    ".config/Claude/claude_desktop_config.json",
    ".claude.json",
    ".config/Code/User/mcp.json",
    ".cursor/mcp.json",
    ".copilot/mcp-config.json",
)
_FOLDER = (".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json")


def places(home: Path, folder: Path) -> list[Path]:
    """The files of clients that are there: a user's own, and those of a project's folder."""
    every = [*(home / name for name in _HOME), *(folder / name for name in _FOLDER)]
    return [path for path in dict.fromkeys(every) if path.is_file()]
