"""The servers that are asked: ours with every way to act, and those of others, whose calls name a file or tag each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ....infra.conformance import peers
from ...demo.world import World
from ...errors import ProgramError
from .load import Call

__all__ = ["IN_CALL", "MOST_CALLS", "STRAY", "WORKERS", "Server", "furnish", "servers"]

IN_CALL = ("sync", "interleaved", "subprocess", "threads")
WORKERS, STRAY = ("workers",), ("stray",)
MOST_CALLS = 400
_ALL = (*IN_CALL, "daemon")
_SHIM = "triptych.producers.shim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Its command, behind `python` where it can be followed by the shim, and the calls that numbers stand for."""

    name: str
    command: tuple[str, ...]
    calls: Callable[[int], list[Call]]
    python: bool = False

    def argv(self, *, marked: bool = False) -> list[str]:
        if not self.python:
            return list(self.command)
        return [sys.executable, *(("-m", _SHIM) if marked else ()), *self.command]


def furnish(folder: Path) -> None:
    """Files and tags for as many calls as a run may make; anybody may write, as one server runs as nobody."""
    files, repository = folder / "files", folder / "repository"
    files.mkdir(mode=0o777)
    files.chmod(0o777)
    folder.chmod(0o755)
    for number in range(1, MOST_CALLS + 1):
        (files / f"call-{number}").write_text("x")
    git = partial(subprocess.run, check=True, capture_output=True, text=True)
    git(["git", "init", "-q", str(repository)])
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    git(["git", "-C", str(repository), *who, "commit", "-q", "--allow-empty", "-m", "one"])
    (head,) = git(["git", "-C", str(repository), "rev-parse", "HEAD"]).stdout.split()
    for number in range(1, MOST_CALLS + 1):
        (repository / ".git" / "refs" / "tags" / f"call-{number}").write_text(f"{head}\n")


def ours(folder: Path, tools: Sequence[str] = _ALL, port: int = 0) -> Server:
    """The benchmark's own server, over HTTP where there is a port."""
    http = ("--http", str(port)) if port else ()
    return Server(
        name=("http" if port else "ours") if tuple(tools) == _ALL else f"ours, {tools[0]}",
        command=("-m", "triptych.infra.bench.attribution.tools", str(folder / "files"), *http),
        calls=partial(_keyed, tools),
        python=True,
    )


def servers(folder: Path) -> tuple[list[Server], list[str]]:
    """Those over stdio that are installed, and what is not."""
    found = [ours(folder), _workbench(folder), _git(folder)]
    try:
        return [*found, _filesystem(folder)], []
    except ProgramError as error:
        return found, [f"server-filesystem ({error})"]


def _workbench(folder: Path) -> Server:
    """The demo's server."""
    world = World(root=folder / "world", docs="127.0.0.1:1", hub="127.0.0.1:1", collector="127.0.0.1:1")
    world.workspace.mkdir(parents=True)
    for number in range(1, MOST_CALLS + 1):
        (world.workspace / f"call-{number}").write_text("x")
    world.save(folder / "world.json")
    options = ("--world", str(folder / "world.json"), "--truth", os.devnull)
    calls = partial(_one_each, "read_file", lambda number: {"path": f"call-{number}"})
    return Server(name="workbench", command=("-m", "triptych.infra.demo.server", *options), calls=calls, python=True)


def _git(folder: Path) -> Server:
    repository = str(folder / "repository")
    calls = partial(_one_each, "git_diff", lambda number: {"repo_path": repository, "target": f"call-{number}"})
    return Server(name="git", command=("-m", "mcp_server_git", "--repository", repository), calls=calls, python=True)


def _filesystem(folder: Path) -> Server:
    files = folder / "files"
    calls = partial(_one_each, "read_text_file", lambda number: {"path": str(files / f"call-{number}")})
    command = (*peers.node("mcp-server-filesystem"), str(files))
    return Server(name="filesystem", command=command, calls=calls)


def _one_each(tool: str, arguments: Callable[[int], dict[str, str]], count: int) -> list[Call]:
    return [Call(number=number, tool=tool, arguments=arguments(number)) for number in range(1, count + 1)]


def _keyed(tools: Sequence[str], count: int) -> list[Call]:
    """The tools in turn."""
    return [
        Call(number=number, tool=tools[number % len(tools)], arguments={"key": f"call-{number}"})
        for number in range(1, count + 1)
    ]
