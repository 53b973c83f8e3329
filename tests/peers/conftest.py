"""Real servers and clients of others, installed by `make peers`, and the folders they work in."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S
from peers.catalogue import PROGRAMS, Place

from triptych.infra.conformance import peers
from triptych.models.errors import TriptychError
from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import HEAD
from triptych.producers.gateway.spool.writer import split


@pytest.fixture(scope="session", autouse=True)
def _installed(require: object) -> None:
    try:
        for lock in (peers.PYTHON, peers.PYTHON_LEGACY):
            peers.python("python", lock)
        peers.modules()
    except TriptychError as error:
        require("peers", str(error))  # type: ignore[operator]


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """A page on loopback, for servers that fetch."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/page" else 404)
            self.send_header("content-type", "text/plain")
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/page"
        server.shutdown()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our Node programs beside the packages they import."""
    folder = tmp_path_factory.mktemp("programs")
    for script in PROGRAMS.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(peers.modules())
    return folder


@pytest.fixture
def place(tmp_path: Path, programs: Path, site: str) -> Place:
    """A folder with a file and a repository of one commit."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("the content")
    commit = ["-c", "user.name=a", "-c", "user.email=a@test", "commit", "-qm", "one"]
    for step in (["init", "-q"], ["add", "a.txt"], commit):
        subprocess.run(["git", "-C", str(files), *step], check=True, timeout=PATIENCE_S)
    return Place(files, programs, site)


@pytest.fixture
def spooled(tmp_path: Path) -> Callable[[], list[ProtocolEvent]]:
    """The events of every segment in the test's folder `spool`."""

    def read() -> list[ProtocolEvent]:
        return [event for path in sorted((tmp_path / "spool").glob("*.spool")) for event in events(path)]

    return read


def events(segment: Path) -> Iterator[ProtocolEvent]:
    known = Events()
    for record in split(segment.read_bytes())[0]:
        if record.startswith(HEAD):
            known.learn(record)
        else:
            yield known.read(record)
