"""An API server for each test, over TCP and over a unix socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_api import FakeApi, Tcp, Unix, serve


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def url(api: FakeApi) -> Iterator[str]:
    for server in serve(api, Tcp, ("127.0.0.1", 0)):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def unix_socket(api: FakeApi, tmp_path: Path) -> Iterator[Path]:
    for _ in serve(api, Unix, str(tmp_path / "engine.sock")):
        yield tmp_path / "engine.sock"
