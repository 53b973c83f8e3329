"""A small git repository for the third-party server to look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..process import find

__all__ = ["make_repository"]

_COMMITS = {
    "Begin": "# Sample\n",
    "Say what it is": "# Sample\nA sample.\n",
    "Add a limit": "# Sample\nA sample, 3 deep.\n",
}


def make_repository(folder: Path, home: Path) -> None:
    """A repository with three commits and one change not committed. `home` keeps the user's own git settings out.

    Raises ProgramError P01 where there is no git.
    """
    folder.mkdir(parents=True)
    _git(folder, home, "init", "-q", "-b", "main")
    for message, text in _COMMITS.items():
        (folder / "README.md").write_text(text)
        _git(folder, home, "add", "README.md")
        _git(folder, home, "commit", "-q", "-m", message)
    (folder / "README.md").write_text("# Sample\nNot committed yet.\n")


def _git(folder: Path, home: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgsign=false")
    environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([find("git", "git"), *identity, *arguments], cwd=folder, env=environment, check=True, timeout=20)
