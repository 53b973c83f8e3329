"""Questions over HTTP, to servers that answer otherwise than expected."""

from __future__ import annotations

import shlex
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_api import FakeApi, Tcp, serve
from patience import PATIENCE_S, eventually

from triptych.producers.sensor.identity.api import ApiError, over_http

NONE = Path("/nonexistent")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate of 127.0.0.1 that vouches for itself."""
    folder.mkdir()
    key, own = folder / "key.pem", folder / "own.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    command = [*shlex.split(made), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(own)]
    subprocess.run(command, check=True, capture_output=True)
    return key, own


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


@pytest.fixture
def tls(api: FakeApi, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL of an API server, and the CA that vouches for it."""
    key, own = certificate(tmp_path / "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)

    class Tls(Tcp):
        def get_request(self) -> tuple[socket.socket, object]:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

    for server in serve(api, Tls, ("127.0.0.1", 0)):
        yield f"https://127.0.0.1:{server.server_address[1]}", own


def test_the_token_is_read_anew_for_every_request(api: FakeApi, tls: tuple[str, Path], token: Path) -> None:
    api.answers = {"/x": {"y": 1}}
    client = over_http(tls[0], token, tls[1])
    assert client.get("/x", 5) == {"y": 1}
    token.write_text("second")
    client.get("/x", 5)
    assert [headers["Authorization"] for _, _, headers in api.asked] == ["Bearer first", "Bearer second"]


def test_a_server_that_another_ca_vouches_for_hears_nothing(
    api: FakeApi, tls: tuple[str, Path], token: Path, tmp_path: Path
) -> None:
    _, other = certificate(tmp_path / "other")
    with pytest.raises(ApiError, match="SSLCertVerificationError"):
        over_http(tls[0], token, other).get("/x", 5)
    assert api.asked == []


def test_without_tls_no_token_is_sent(api: FakeApi, url: str, token: Path) -> None:
    api.answers = {"/x": []}
    assert over_http(url, token, NONE).get("/x", 5) == []
    assert "Authorization" not in api.asked[0][2]


def test_a_server_below_a_path_is_asked_there(api: FakeApi, url: str) -> None:
    api.answers = {"/k8s/clusters/c-1/x": {}}
    assert over_http(f"{url}/k8s/clusters/c-1/", NONE, NONE).get("/x", 5) == {}


def test_a_redirect_is_not_followed(api: FakeApi, url: str) -> None:
    api.answers = {"/x": 302, "/y": {}}
    with pytest.raises(ApiError) as refusal:
        over_http(url, NONE, NONE).get("/x", 5)
    assert (refusal.value.status, api.paths()) == (302, ["/x"])


def raw(*pieces: bytes, pause_s: float = 0) -> str:
    """URL of a server that answers its one request with `pieces`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with listener, connection:
            connection.recv(65536)
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    return
                time.sleep(pause_s)

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"gibberish\r\n\r\n",
        HEAD + b"Content-Length: 9\r\n\r\n{}",
        HEAD + b"Content-Length: 3\r\n\r\n{,}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Content-Length: 200000\r\n\r\n" + b"[" * 200000,
    ],
)
def test_an_answer_that_is_none_is_told_as_such(answer: bytes) -> None:
    with pytest.raises(ApiError):
        over_http(raw(answer), NONE, NONE).get("/x", 5)


def test_an_answer_that_drips_does_not_hold_for_ever() -> None:
    drips = [b" "] * 100
    url = raw(HEAD + b"Content-Length: 1000\r\n\r\n", *drips, pause_s=0.02)
    with pytest.raises(ApiError, match="did not end"):
        over_http(url, NONE, NONE).get("/x", 0.1)


def test_lines_come_as_they_are_sent_and_a_broken_one_is_an_error() -> None:
    lines = over_http(raw(HEAD + b'\r\n{"a": 1}\n{"a": 2}\n{"a"'), NONE, NONE).lines("/x", 5)
    assert [next(lines), next(lines)] == [{"a": 1}, {"a": 2}]
    with pytest.raises(ApiError, match="broke off"):
        next(lines)


def test_closing_ends_a_wait_for_lines(api: FakeApi, url: str) -> None:
    client = over_http(url, NONE, NONE)
    ended: list[ApiError] = []

    def wait() -> None:
        try:
            list(client.lines("/x?watch=1", 60))
        except ApiError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(api.watching.is_set)
    client.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    with pytest.raises(ApiError, match="closed"):
        client.get("/x", 5)
