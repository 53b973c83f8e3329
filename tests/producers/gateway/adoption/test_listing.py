"""All tools of a server are asked for in either era, over pipes and over HTTP, and come as they were sent."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from patience import PATIENCE_S

from triptych.producers.gateway.adoption import asking
from triptych.producers.gateway.adoption.asking import ask_launched, ask_listening
from triptych.producers.gateway.adoption.errors import ClientFileError
from triptych.producers.gateway.adoption.launching import Reached, reached
from triptych.producers.gateway.adoption.listing import list_tools
from triptych.producers.gateway.adoption.routes import Routes
from triptych.producers.gateway.policy.pins import PinError

ENVIRONMENT = {"PATH": os.environ["PATH"]}
TOOLS = [{"name": "a", "vendor": 1}, {"name": "b"}, {"name": "c"}]
SERVER = """
import json, sys
print("no json", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        print(json.dumps({"jsonrpc": "2.0", "id": "mine", "method": "roots/list"}), flush=True)
        assert json.loads(sys.stdin.readline())["error"]["code"] == -32601
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"serverInfo": {"version": "7"}}}), flush=True)
    elif asked.get("method") == "tools/list":
        result = {"tools": [{"name": "a", "vendor": 1}]}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


class Fake:
    """A server of one era with three tools on three pages."""

    def __init__(self, *, legacy: bool) -> None:
        self.legacy = legacy
        self.notified: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((method, params))
        if method == "initialize":
            hello = {"result": {"serverInfo": {"name": "x", "version": "1.2"}}}
            return hello if self.legacy else {"error": {"code": -32601}}
        page = int(params.get("cursor", 0))
        result: dict[str, Any] = {"tools": [TOOLS[page]]}
        if page < 2:
            result["nextCursor"] = str(page + 1)
        if "_meta" in params:
            result["_meta"] = {"io.modelcontextprotocol/serverInfo": {"version": "2.0"}}
        return {"result": result}


@pytest.mark.parametrize(("legacy", "version"), [(True, "1.2"), (False, "2.0")])
def test_every_page_is_asked_for_in_the_servers_era(legacy: bool, version: str) -> None:
    fake = Fake(legacy=legacy)
    assert list_tools(fake.request, fake.notified.append) == (version, TOOLS)
    assert fake.notified == (["notifications/initialized"] if legacy else [])
    lists = [params for method, params in fake.asked if method == "tools/list"]
    assert ["_meta" in params for params in lists] == [not legacy] * 3


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"error": {"code": -32601}},
        {"error": "no"},
        {"error": None},
        {"result": {}},
        {"result": []},
        {"result": {"tools": "none"}},
        {"result": {"tools": ["none"]}},
    ],
)
def test_a_server_that_lists_nothing_is_told(reply: dict[str, Any]) -> None:
    with pytest.raises(PinError):
        list_tools(lambda *_: reply, lambda _: None)


def test_a_list_without_end_is_given_up() -> None:
    with pytest.raises(PinError, match="1000 pages"):
        list_tools(lambda *_: {"result": {"tools": [], "nextCursor": "x"}}, lambda _: None)


def test_a_list_of_ever_more_tools_is_given_up() -> None:
    with pytest.raises(PinError, match="10000 tools"):
        list_tools(lambda *_: {"result": {"tools": TOOLS * 1000, "nextCursor": "x"}}, lambda _: None)


def test_odd_words_of_a_server_about_itself_are_no_error() -> None:
    reply = {"result": {"tools": TOOLS, "serverInfo": 1, "_meta": 2}}
    assert list_tools(lambda *_: reply, lambda _: None) == ("", TOOLS)
    modern = {"result": {"tools": TOOLS, "_meta": 2}}
    assert list_tools(lambda method, _: modern if method == "tools/list" else {}, lambda _: None) == ("", TOOLS)


@pytest.mark.parametrize(
    "flood", ["x", '{"id": 9, "method": "roots/list"}'], ids=["of lines", "of requests whose answers it never reads"]
)
def test_a_server_that_never_stops_writing_is_given_up(flood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_WAIT_S", 0.3)
    with pytest.raises(PinError, match="did not answer"):
        ask_launched(["yes", flood], ENVIRONMENT)


def test_a_launched_server_is_asked_and_ended() -> None:
    assert ask_launched([sys.executable, "-c", SERVER], ENVIRONMENT) == ("7", [{"name": "a", "vendor": 1}])


@pytest.mark.parametrize("command", [["no-such-program"], [sys.executable, "-c", "pass"]])
def test_a_command_that_is_no_server_is_told(command: list[str]) -> None:
    with pytest.raises(PinError):
        ask_launched(command, ENVIRONMENT)


class Handler(BaseHTTPRequestHandler):
    """Answers initialize in JSON and the list as a stream, in a session, to whoever has the token."""

    seen: ClassVar[list[dict[str, str | None]]] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({name: self.headers[name] for name in ("Authorization", "Mcp-Session-Id")})
        if "id" not in asked:
            self._answer(202, "text/plain", b"")
        elif asked["method"] == "initialize":
            self._answer(200, "application/json", self._reply(asked, {"serverInfo": {"version": "3"}}))
        else:
            note = b'data: {"jsonrpc": "2.0", "method": "notifications/message"}\n\n'
            stream = b": ping\n\n" + note + b"data: " + self._reply(asked, {"tools": TOOLS}) + b"\n\n"
            self._answer(200, "text/event-stream", stream)

    def _reply(self, asked: dict[str, Any], result: Any) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Mcp-Session-Id", "session-1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def listening(request: pytest.FixtureRequest) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), getattr(request, "param", Handler)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/mcp"
        server.shutdown()
        thread.join(PATIENCE_S)


def test_a_listening_server_is_asked_in_its_session_with_the_clients_headers(listening: str) -> None:
    assert ask_listening(listening, {"Authorization": "Bearer x"}) == ("3", TOOLS)
    assert {one["Authorization"] for one in Handler.seen} == {"Bearer x"}
    assert [one["Mcp-Session-Id"] for one in Handler.seen] == [None, "session-1", "session-1"]


class Dripping(Handler):
    """Answers with a stream that says nothing and never ends."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b": ping\n")
                time.sleep(0.01)


@pytest.mark.parametrize("listening", [Dripping], indirect=True)
def test_an_answer_without_end_is_given_up(listening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_WAIT_S", 0.2)
    with pytest.raises(PinError):
        ask_listening(listening, {})


def test_nobody_at_the_address_is_told() -> None:
    with pytest.raises(PinError, match="does not answer"):
        ask_listening("http://127.0.0.1:1/mcp", {})


def _file(**servers: object) -> str:
    return json.dumps({"mcpServers": servers})


def test_a_server_of_a_clients_file_is_reached_past_its_gateway() -> None:
    wrapped = {"command": "/x/triptych-gateway", "args": ["--server", "s", "--", "npx", "-y"], "env": {"A": "1"}}
    assert reached(_file(s=wrapped), Routes({}, "")) == Reached(
        name="s", command=("npx", "-y"), environment={"A": "1"}, headers={}
    )


@pytest.mark.parametrize(
    ("servers", "name"),
    [({"a": {"command": "x"}, "b": {"command": "y"}}, ""), ({}, ""), ({"a": {"url": "${X}"}}, "a"), ({"a": {}}, "a")],
)
def test_a_server_that_cannot_be_reached_from_here_is_told(servers: dict[str, object], name: str) -> None:
    with pytest.raises(ClientFileError) as caught:
        reached(_file(**servers), Routes({}, ""), name)
    assert caught.value.code == "G26"
