"""Secrets planted wherever a client or a server can put one, and sought in all a gateway writes, on both transports."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S, eventually

from triptych.infra.process import running
from triptych.models.events import ProtocolEvent

# Each is marked with its place, so that one that gets out says from where. The last have the shape of real ones.
PLACES = """
argument nested array path url sql key meta resource prompt completion notification malformed batch trailing cancelled
answer definition schema default instructions result structured error data elicitation sampling log progress
environment command bearer cookie header session query parameter form
"""
CANARIES = {place: f"cnry{place}{number:03d}x7Qz" for number, place in enumerate(PLACES.split())} | {
    "aws": "AKIAQ7CANARYQ7CANARY",
    "github": "ghp_cAnArYcAnArYcAnArYcAnArYcAnArY012345",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlb2ZhY2FuYXJ5",
    "pem": "-----BEGIN PRIVATE KEY-----\nMIIcanaryMIIcanaryMIIcanaryMIIcanary\n-----END PRIVATE KEY-----",
}
C = CANARIES
ORIGIN = re.compile(r"http://127\.0\.0\.1:\d+")


WHO = {"name": "c", "version": "1"}
SOUGHT = {name: secret.splitlines()[-2 if "\n" in secret else 0].encode() for name, secret in CANARIES.items()}


def request(number: int | str, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def tool(number: int, **arguments: Any) -> dict[str, Any]:
    return request(number, "tools/call", name="use", arguments=arguments)


ASKED: list[bytes] = [
    json.dumps(message).encode()
    for message in (
        request(0, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=WHO),
        request(1, "tools/list"),
        tool(2, password=C["argument"], deep={"a": [{"b": C["nested"]}, C["array"]]}, key=C["key"], aws=C["aws"]),
        tool(
            3,
            path=f"/home/{C['path']}/.ssh/id",
            url=f"https://u:{C['url']}@h.test/{C['url']}?k={C['url']}",
            query=f"SELECT a FROM t WHERE b = '{C['sql']}'",  # noqa: S608
        ),
        tool(4, text=f"{C['github']} {C['jwt']} {C['pem']}"),
        request(5, "tools/call", name="use", arguments={}, _meta={"vendor.test/secret": C["meta"]}),
        request(6, "resources/read", uri=f"file:///{C['resource']}"),
        request(7, "prompts/get", name="p", arguments={"about": C["prompt"]}),
        request(8, "completion/complete", ref={"type": "ref/prompt", "name": "p"}, argument={"value": C["completion"]}),
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": C["notification"]}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 8, "reason": C["cancelled"]}},
        {"jsonrpc": "2.0", "id": "ask", "result": {"action": "accept", "content": {"password": C["answer"]}}},
    )
]
ASKED += [
    b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"x":"%s"' % C["malformed"].encode(),
    b'[{"jsonrpc":"2.0","id":10,"method":"ping","params":{"x":"%s"}}]' % C["batch"].encode(),
    b'{"jsonrpc":"2.0","id":11,"method":"ping"} %s' % C["trailing"].encode(),
]
DEFINITION = {
    "name": "use",
    "description": C["definition"],
    "inputSchema": {
        "type": "object",
        "properties": {"k": {"type": "string", "description": C["schema"], "default": C["default"]}},
    },
}
TOLD: list[dict[str, Any]] = [
    {
        "jsonrpc": "2.0",
        "id": 0,
        "result": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "serverInfo": WHO,
            "instructions": C["instructions"],
        },
    },
    {"jsonrpc": "2.0", "id": 1, "result": {"tools": [DEFINITION]}},
    {
        "jsonrpc": "2.0",
        "id": 2,
        "result": {
            "content": [{"type": "text", "text": f"{C['result']} {C['aws']} {C['pem']}"}],
            "structuredContent": {"rows": [{"token": C["structured"]}]},
        },
    },
    {"jsonrpc": "2.0", "id": 3, "error": {"code": -32000, "message": C["error"], "data": {"at": C["data"]}}},
    request(
        "ask",
        "elicitation/create",
        mode="form",
        message=C["elicitation"],
        requestedSchema={"type": "object", "properties": {"password": {"type": "string"}}},
    ),
    request("sample", "sampling/createMessage", messages=[{"role": "user", "content": C["sampling"]}], maxTokens=1),
    {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": C["log"]}},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "message": C["progress"]}},
]
TOLD_BYTES = b"".join(json.dumps(message).encode() + b"\n" for message in TOLD)

# Once it is asked something it tells all it has to tell, and drinks the rest.
STDIO_SERVER = """
import os, sys
os.read(0, 1)
os.write(1, open(sys.argv[1], "rb").read())
while os.read(0, 1 << 16): pass
"""
HTTP_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        lines = open(sys.argv[1], "rb").read().splitlines()
        self.send_response(401 if "oauth" in self.path else 200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("mcp-session-id", self.headers.get("mcp-session-id", ""))
        self.end_headers()
        for line in lines:
            self.wfile.write(b"data: " + line + b"\\n\\n")
    do_GET = do_POST
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}/mcp", flush=True)
server.serve_forever()
"""
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "authorization": f"Bearer {C['bearer']}",
    "cookie": f"s={C['cookie']}",
    "x-api-key": C["header"],
    "mcp-session-id": C["session"],
    "mcp-param-token": C["parameter"],
    "proxy-authorization": f"Basic {C['jwt']}",
}


def over_stdio(folder: Path, told: Path) -> bytes:
    """What the gateway printed; the session is one stream."""
    command = [sys.executable, "-c", STDIO_SERVER, str(told), C["command"]]
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(folder), "--"]
    done = subprocess.run(
        [*gateway, *command],
        input=b"".join(line + b"\n" for line in ASKED),
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
        env={**os.environ, "API_KEY": C["environment"]},
    )
    assert done.stdout == TOLD_BYTES
    return done.stderr


def over_http(folder: Path, told: Path) -> bytes:
    """What the gateway printed; each message is an exchange, and some are no MCP."""
    log = folder.with_name("gateway.log")
    front = [sys.executable, "-m", "triptych.infra.conformance.front"]
    with (
        listening([sys.executable, "-c", HTTP_SERVER, str(told)], log.with_name("server.log")) as server,
        listening([*front, server, str(folder)], log, {"API_KEY": C["environment"]}) as gateway,
    ):
        for body in ASKED:
            assert post(f"{gateway}/mcp", body) == 200
        assert post(f"{gateway}/mcp?token={C['query']}", ASKED[1]) == 200
        assert post(f"{gateway}/oauth/token", b"client_secret=" + C["form"].encode()) == 401
    return log.read_bytes()


@contextlib.contextmanager
def listening(command: list[str], log: Path, more: dict[str, str] | None = None) -> Iterator[str]:
    """Origin of a program that prints it."""
    with running(command, log=log, env={**os.environ, **(more or {})}) as process:
        eventually(lambda: process.poll() is not None or ORIGIN.search(log.read_text()))
        found = ORIGIN.search(log.read_text())
        assert found, log.read_text()
        yield found[0]


def post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, HEADERS), timeout=PATIENCE_S) as answer:  # noqa: S310
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


@pytest.mark.parametrize("transport", [over_stdio, over_http])
def test_no_planted_secret_is_written_anywhere(
    transport: Callable[[Path, Path], bytes], tmp_path: Path, spooled: Callable[[], list[ProtocolEvent]]
) -> None:
    (tmp_path / "told").write_bytes(TOLD_BYTES)
    (tmp_path / "spool").mkdir()
    written = {"the gateway's output": transport(tmp_path / "spool", tmp_path / "told")}
    written |= {path.name: path.read_bytes() for path in (tmp_path / "spool").iterdir()}
    found = {(name, where) for name, secret in SOUGHT.items() for where, text in written.items() if secret in text}
    assert found == set()
    seen = [event.method for event in spooled() if event.kind == "request"]
    assert {"initialize", "tools/list", "tools/call", "resources/read", "prompts/get"} <= set(seen)
    assert {"aws-access-key", "github-token"} <= {secret.family for event in spooled() for secret in event.secrets}
