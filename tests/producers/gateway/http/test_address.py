"""Addresses and admission: who can dial, and under which names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.models.errors import ConfigError
from triptych.producers.gateway.http.address import Listen, Upstream, is_loopback
from triptych.producers.gateway.http.admission import Admission
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.http.errors import Refusal
from triptych.producers.gateway.http.head import request_head


def _config(**values: Any) -> HttpConfig:
    return HttpConfig(**{"upstream": "http://127.0.0.1:1/mcp", "spool_dir": Path("spool"), **values})


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:80", Listen("127.0.0.1", 80)),
        ("localhost:0", Listen("localhost", 0)),
        ("[::1]:80", Listen("::1", 80)),
        ("unix:/run/a.sock", Listen(path="/run/a.sock")),
        ("unix:///run/a.sock", Listen(path="/run/a.sock")),
    ],
)
def test_addresses_to_listen_on(text: str, listen: Listen) -> None:
    assert Listen.parse(text) == listen
    assert listen.loopback


@pytest.mark.parametrize("text", ["", "80", ":80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "unix:"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _config(listen=text)
    assert refused.value.code == "G10"


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "gateway.test:80"])
def test_an_address_that_others_can_dial_needs_a_word_of_the_operator(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _config(listen=text)
    assert refused.value.code == "G10"
    assert _config(listen=text, expose=True).listen == text


@pytest.mark.parametrize(
    ("url", "upstream", "authority"),
    [
        ("http://127.0.0.1:3000/mcp", Upstream("127.0.0.1", 3000, False, "/mcp"), "127.0.0.1:3000"),
        ("https://mcp.test/a/", Upstream("mcp.test", 443, True, "/a"), "mcp.test"),
        ("http://[::1]:80", Upstream("::1", 80, False, ""), "[::1]"),
        ("unix:///run/s.sock", Upstream("localhost", 0, False, "", "/run/s.sock"), "localhost"),
    ],
)
def test_upstreams(url: str, upstream: Upstream, authority: str) -> None:
    assert Upstream.parse(url) == upstream
    assert upstream.authority == authority


@pytest.mark.parametrize(
    "url",
    ["", "mcp.test", "ftp://a/", "http://", "http://a:b/", "http://u:p@a/", "http://a/?b", "unix://", "unix://h/p"],
)
def test_what_is_no_upstream_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _config(upstream=url)
    assert refused.value.code == "G12"


@pytest.mark.parametrize(
    "wrong",
    [{"ship": "auto"}, {"ship": "on"}, {"host_header": "x"}, {"endpoint": "mcp"}, {"idle_ms": 0}, {"connections": -1}],
)
def test_settings_that_cannot_work_fail_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        _config(**wrong)


@pytest.mark.parametrize(("url", "name"), [("http://a:1/mcp", "a:1"), ("unix:///run/files.sock", "files")])
def test_a_server_without_a_name_takes_that_of_its_address(url: str, name: str) -> None:
    assert _config(upstream=url).server_id == name
    assert _config(upstream=url, server="mine").server_id == "mine"


def test_only_names_that_nobody_can_rebind_are_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["", "localhost.evil.test", "127.0.0.1.evil.test", "0.0.0.1", "127.1", "10.0.0.1"]))


def _admitted(admission: Admission, host: str, origin: str = "") -> bool:
    lines = f"Host: {host}\r\n" + (f"Origin: {origin}\r\n" if origin else "")
    head = request_head(f"POST / HTTP/1.1\r\n{lines}\r\n".encode(), 4096)
    assert head is not None
    try:
        admission.check(head)
    except Refusal as refusal:
        assert refusal.status == 403
        return False
    return True


def test_a_local_listener_knows_its_own_names_and_what_is_listed() -> None:
    local = Admission(True, hosts=("gateway.test", "other.test:8080"), origins=("https://app.test",))
    for host in ("127.0.0.1:1", "localhost", "[::1]:80", "gateway.test", "gateway.test:9", "other.test:8080"):
        assert _admitted(local, host)
    for host in ("evil.test", "other.test", "other.test:1", "127.0.0.1.evil.test:80", "localhost:80:80", "@localhost"):
        assert not _admitted(local, host)
    for origin in (
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:1",
        "https://app.test",
        "HTTPS://APP.TEST",
    ):
        assert _admitted(local, "localhost", origin)
    for origin in ("http://evil.test", "null", "http://localhost.evil.test", "ftp://localhost", "https://app.test:1"):
        assert not _admitted(local, "localhost", origin)


def test_an_exposed_listener_checks_what_is_listed_and_nothing_else() -> None:
    assert _admitted(Admission(False), "mcp.test", "https://app.test")
    listed = Admission(False, hosts=("mcp.test",), origins=("https://app.test",))
    assert _admitted(listed, "mcp.test:443", "https://app.test")
    assert not _admitted(listed, "evil.test")
    assert not _admitted(listed, "mcp.test", "https://evil.test")


def test_two_origins_are_none() -> None:
    head = request_head(b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: x\r\n\r\n", 4096)
    assert head is not None
    with pytest.raises(Refusal, match="origin-not-allowed"):
        Admission(True).check(head)
