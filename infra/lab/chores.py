"""What the lab's desk does beside the demo's tools: work that starts programs, looks at ports, listens, or writes many
files, and is harmless."""

from __future__ import annotations

import contextlib
import socket
import subprocess

from ..demo.world import World

__all__ = ["check_services", "count_words", "index_archive", "pack_folder", "preview_page"]

_TIMEOUT_S = 5
_SERVICES = ("127.0.0.5:5432", "127.0.0.5:6379")


def count_words(world: World, path: str) -> str:
    """Lines, words and bytes of a file, by a program of the system."""
    return _output("/usr/bin/wc", str(world.locate(path)))


def pack_folder(world: World, path: str) -> str:
    """A folder as an archive in the inbox; two programs of the system do it."""
    found = world.locate(path)
    packed = world.workspace / "inbox" / f"{found.name}.tar.gz"
    _output("/usr/bin/tar", "--create", "--gzip", "--file", str(packed), "--directory", str(found.parent), found.name)
    return str(packed)


def check_services(world: World) -> list[str]:
    """The organisation's services, and the hub, with whether they take a connection."""
    return [f"{address} {'up' if _answers(address) else 'down'}" for address in (*_SERVICES, world.hub)]


def preview_page(world: World, path: str) -> str:
    """A file as a page that a browser on this machine may open for a moment."""
    text = world.locate(path).read_text()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/ {len(text)} characters"


def index_archive(world: World) -> int:
    """An index card beside every archived case; how many there are."""
    cases = sorted((world.workspace / "archive").glob("case-*.md"))
    for case in cases:
        with contextlib.suppress(FileNotFoundError):  # somebody is sorting them
            case.with_suffix(".card").write_text(case.read_text().partition("\n")[0])
    return len(cases)


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout
