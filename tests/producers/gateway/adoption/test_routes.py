"""Each server that is dialled has one gateway of its own, and the settings file says which."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.adoption.routes import Route, Routes, added
from triptych.producers.gateway.config import configured
from triptych.producers.gateway.http.config import HttpConfig

KNOWN = """\
spool_dir = "/spool"  # stays

[servers.web]
listen = "127.0.0.1:8931"
upstream = "https://example.org/mcp"

[servers.files]   # stays too
allow = ["read_*"]
"""


def _routes(text: str = KNOWN, folder: str = "/run") -> Routes:
    return Routes(tomllib.loads(text), folder)


def test_a_known_route_is_used_again() -> None:
    routes = _routes()
    assert routes.to("web", "https://example.org/other") == Route("web", "https://example.org/mcp", "127.0.0.1:8931")
    assert routes.new == {}


def test_a_new_route_takes_the_next_port() -> None:
    routes = _routes()
    found = [routes.to(name, "http://127.0.0.1:1") for name in ("a", "b")]
    assert [route.listen for route in found if route] == ["127.0.0.1:8932", "127.0.0.1:8933"]


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    route = Routes({}, "/run", lambda port: port > 8940).to("a", "http://127.0.0.1:1")
    assert route is not None
    assert route.listen == "127.0.0.1:8941"


def test_one_name_stands_for_one_server() -> None:
    assert _routes().to("web", "https://example.com/mcp") is None


@pytest.mark.parametrize(
    ("name", "folder"), [("a/b", "/run"), ("a", "/run/" + "x" * 100), ('a"b', "/run"), ("a#b", "/run")]
)
def test_a_socket_that_could_not_be_made_is_no_route(name: str, folder: str) -> None:
    assert _routes(folder=folder).to(name, "unix:///run/server.sock") is None


def test_a_route_is_added_without_touching_what_is_there() -> None:
    routes = _routes()
    routes.to("files", "http://127.0.0.1:3000/mcp")
    text = added(KNOWN, routes.new.values())
    assert [line for line in text.splitlines() if line not in KNOWN.splitlines()] == [
        'upstream = "http://127.0.0.1:3000/mcp"',
        'listen = "127.0.0.1:8932"',
    ]
    assert tomllib.loads(text)["servers"]["files"] == {
        "allow": ["read_*"],
        "upstream": "http://127.0.0.1:3000/mcp",
        "listen": "127.0.0.1:8932",
    }


def test_settings_written_in_another_way_are_not_guessed_at() -> None:
    text = 'servers = { files = { allow = ["x"] } }\n'
    routes = _routes(text)
    routes.to("files", "http://127.0.0.1:3000")
    with pytest.raises(ValueError):
        added(text, routes.new.values())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12))
def test_a_gateway_can_be_started_from_what_was_added_whatever_the_servers_name(name: str) -> None:
    routes = _routes("")
    routes.to(name, "https://example.org/mcp")
    tables = tomllib.loads(added("", routes.new.values()))
    config = configured(HttpConfig, tables, {"server": name}, {"spool_dir": "/spool"})
    assert (config.server_id, config.upstream, config.listen) == (name, "https://example.org/mcp", "127.0.0.1:8931")
    assert config.host_header == "upstream"
