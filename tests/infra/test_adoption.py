"""wrap, unwrap, init and status as commands: files on disk, what is printed, and a real client behind the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from client_files import GOLDEN
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from patience import PATIENCE_S

from triptych.producers.gateway.adoption.asking import ask_listening
from triptych.producers.gateway.spool.record import HEAD
from triptych.producers.gateway.spool.writer import split

CANARY = "CANARY91c2"
SERVER = """
import os, sys
from mcp.server import MCPServer

app = MCPServer("real", version="1.2.3")

@app.tool()
def read(path: str) -> str:
    "Reads."
    return os.environ["PLANTED"] + " ".join(name for name in os.environ if name.startswith("TRIPTYCH")) + sys.argv[1]

app.run()
"""


class Person:
    """Somebody with a home and a terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = home / ".config" / "triptych" / "gateway.toml"
        self.state = home / ".local" / "state" / "triptych"

    def run(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "triptych.infra.cli.main", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            input=answer,
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "COLUMNS": "200"},
        )


@pytest.fixture
def person(tmp_path: Path) -> Person:
    home = tmp_path / "home"
    home.mkdir()
    return Person(home)


@pytest.fixture
def client(person: Person) -> Path:
    path = person.home / ".mcp.json"
    path.write_bytes((GOLDEN / "claude_code_project.json").read_bytes())
    path.chmod(0o640)
    return path


def test_a_dry_run_shows_everything_and_writes_nothing(person: Person, client: Path) -> None:
    before = client.read_bytes()
    done = person.run("gateway", "wrap", ".mcp.json", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert '-      "command": "uvx",' in done.stdout
    assert "+[servers.tickets]" in done.stdout
    assert client.read_bytes() == before
    assert [path.name for path in person.home.iterdir()] == [".mcp.json"]


def test_wrapping_writes_after_a_yes_only(person: Person, client: Path) -> None:
    before = client.read_bytes()
    assert person.run("gateway", "wrap", ".mcp.json", answer="n\n").returncode == 1
    assert client.read_bytes() == before
    assert person.run("gateway", "wrap", ".mcp.json", answer="y\n").returncode == 0
    assert client.read_bytes() != before
    assert client.stat().st_mode & 0o777 == 0o640


def test_wrapping_makes_settings_and_key_where_there_are_none(person: Person, client: Path) -> None:
    done = person.run("gateway", "wrap", str(client), "--yes")
    tables = tomllib.loads(person.settings.read_text())
    assert tables["servers"]["tickets"]["upstream"] == "https://api.example.com/mcp"
    assert {path.stat().st_mode & 0o777 for path in (person.settings, Path(tables["key_file"]))} == {0o600}
    assert "triptych gateway http --server tickets" in done.stdout
    entry = json.loads(client.read_text())["mcpServers"]["git"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][:2] == ["--config", str(person.settings)]


def test_twice_is_once_and_back_is_as_before(person: Person, client: Path) -> None:
    before = client.read_bytes()
    person.run("gateway", "wrap", ".mcp.json", "--yes")
    wrapped = client.read_bytes()
    again = person.run("gateway", "wrap", ".mcp.json", "--yes")
    assert "Nothing to do." in again.stdout
    assert client.read_bytes() == wrapped
    assert person.run("gateway", "unwrap", ".mcp.json", "--yes").returncode == 0
    assert client.read_bytes() == before
    assert before in [path.read_bytes() for path in (person.state / "backups").iterdir()]


def test_only_named_servers_are_wrapped_and_one_that_cannot_be_is_an_error(person: Person, client: Path) -> None:
    before = client.read_bytes()
    refused = person.run("gateway", "wrap", ".mcp.json", "--server", "login", "--yes")
    assert (refused.returncode, refused.stderr[:3]) == (2, "G26")
    assert client.read_bytes() == before
    person.run("gateway", "wrap", ".mcp.json", "--server", "git", "--yes")
    states = json.loads(person.run("gateway", "status", ".mcp.json", "--json").stdout)["servers"]
    assert {row["server"]: row["state"] for row in states} == {
        "git": "wrapped",
        "tickets": "direct",
        "local": "direct",
        "login": "direct",
    }


def test_settings_that_cannot_be_added_to_are_answered_with_what_to_add(person: Person, client: Path) -> None:
    person.settings.parent.mkdir(parents=True)
    person.settings.write_text('servers = { local = { principal = "ann" } }\n')
    before = client.read_bytes()
    done = person.run("gateway", "wrap", ".mcp.json", "--yes")
    assert (done.returncode, done.stderr[:3]) == (2, "C01")
    assert "upstream=http://localhost:3001" in done.stderr
    assert client.read_bytes() == before


@pytest.mark.parametrize("command", ["wrap", "unwrap"])
@pytest.mark.parametrize(("text", "code"), [("{}", "G25"), ("\udcff", "G29")])
def test_a_file_that_is_none_of_a_client_is_one_error(person: Person, command: str, text: str, code: str) -> None:
    (person.home / "x.json").write_bytes(text.encode(errors="surrogateescape"))
    done = person.run("gateway", command, "x.json", "--yes")
    assert (done.returncode, done.stderr[:3], "Traceback" in done.stderr) == (2, code, False)


def test_no_secret_of_a_client_file_is_printed(person: Person) -> None:
    servers = {
        "a": {"command": "x", "args": ["--token", CANARY], "env": {"KEY": CANARY}},
        "b": {"url": f"http://127.0.0.1:1/mcp?k={CANARY}", "headers": {"Authorization": CANARY}},
        "c": {"command": ["odd", CANARY], "env": {"KEY": CANARY}},
    }
    (person.home / ".mcp.json").write_text(json.dumps({"mcpServers": servers, "account": CANARY}, indent=2))
    for arguments in (["wrap", ".mcp.json"], ["wrap", ".mcp.json"], ["unwrap", ".mcp.json"]):
        done = person.run("gateway", *arguments, "--yes")
        assert CANARY not in done.stdout + done.stderr
    assert CANARY not in person.run("gateway", "status", "--json").stdout


def test_what_a_file_chose_cannot_act_on_the_terminal(person: Person) -> None:
    servers = {
        "a\u001b[2J\u202e": {"command": "x\u001b[2J"},
        "b": {"url": "http://127.0.0.1:1/"},
        "$(c)": {"url": "http://127.0.0.1"},
    }
    (person.home / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    done = person.run("gateway", "wrap", ".mcp.json", "--yes")
    assert "'$(c)'" in done.stdout
    assert {"\x1b", "\u202e"}.isdisjoint(done.stdout + person.run("gateway", "status").stdout)


def test_init_writes_once_and_what_it_wrote_is_valid(person: Person) -> None:
    first = person.run("gateway", "init", "--bootstrap", "broker:9092")
    assert first.stdout.count(": written") == 2
    before = person.settings.read_bytes()
    assert person.run("gateway", "init").stdout.count(": is there already") == 2
    assert person.settings.read_bytes() == before
    tables = tomllib.loads(before.decode())
    assert (tables["bootstrap"], tables["ship"]) == ("broker:9092", "auto")
    assert person.run("gateway", "status").returncode == 0


def test_init_can_write_elsewhere(person: Person) -> None:
    person.run("gateway", "init", "--dir", "etc")
    tables = tomllib.loads((person.home / "etc" / "gateway.toml").read_text())
    assert tables["key_file"] == str(person.home / "etc" / "digest.key")
    assert not person.settings.exists()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_with_hardly_any_environment_starts_what_was_wrapped(person: Person, mode: str) -> None:
    (person.home / "server.py").write_text(SERVER)
    arguments = [str(person.home / "server.py"), CANARY]
    entry = {"command": sys.executable, "args": arguments, "env": {"PLANTED": "planted ", "TRIPTYCH_X": "1"}}
    client = person.home / "claude_desktop_config.json"
    client.write_text(json.dumps({"mcpServers": {"files": entry}}))
    assert person.run("gateway", "wrap", client.name, "--yes").returncode == 0

    wrapped = json.loads(client.read_text())["mcpServers"]["files"]
    environment = {"HOME": str(person.home), "PATH": "/usr/bin:/bin", **wrapped["env"]}
    started = StdioServerParameters(command=wrapped["command"], args=wrapped["args"], env=environment)
    async with Client(stdio_client(started), mode=mode) as session:  # type: ignore[arg-type]
        result = await session.call_tool("read", {"path": "/x"})

    assert json.loads(result.model_dump_json())["content"][0]["text"] == f"planted {CANARY}", (
        "nothing of ours is passed on"
    )
    segments = list((person.state / "spool").glob("*.spool"))
    records = [record for path in segments for record in split(path.read_bytes())[0]]
    assert any(b'"tools/call"' in record for record in records if not record.startswith(HEAD))
    assert any(b'"files"' in record for record in records if record.startswith(HEAD))
    assert CANARY.encode() not in b"".join(records)
    found = json.loads(person.run("gateway", "status", client.name, "--json").stdout)
    assert found["gateway"]["waiting"] != "nothing"
    assert found["servers"][0]["state"] == "wrapped"


class Listening(BaseHTTPRequestHandler):
    """A server with one tool, over HTTP."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = {"tools": [{"name": "read"}], "serverInfo": {"name": "x", "version": "9"}}
        body = json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": result}).encode()
        self.send_response(200 if "id" in asked else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def listening() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(PATIENCE_S)


def test_a_server_that_is_dialled_is_reached_through_the_gateway_that_wrap_names(
    person: Person, listening: int
) -> None:
    client = person.home / "mcp.json"
    client.write_text(json.dumps({"servers": {"web": {"type": "http", "url": f"http://127.0.0.1:{listening}/mcp"}}}))
    assert person.run("gateway", "wrap", "mcp.json", "--yes").returncode == 0
    url = json.loads(client.read_text())["servers"]["web"]["url"]
    assert url != f"http://127.0.0.1:{listening}/mcp"
    port = urlsplit(url).port
    gateway = subprocess.Popen(
        [sys.executable, "-m", "triptych.infra.cli.main", "gateway", "http", "--server", "web"],
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": str(person.home), "PATH": os.environ["PATH"]},
    )
    try:
        assert gateway.stderr is not None
        assert f":{port}" in gateway.stderr.readline()
        assert ask_listening(url, {}) == ("9", [{"name": "read"}])
    finally:
        gateway.terminate()
        assert gateway.wait(PATIENCE_S) == 0
    kept = b"".join(path.read_bytes() for path in (person.state / "spool").glob("*.spool"))
    assert kept.count(b'"tools/list"') >= 2
    assert b'"web"' in kept
