"""triptych gateway pin: a live server's tools are approved, and what changed is shown before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        tools = [{"name": "read", "description": "Reads %s", "inputSchema": {"type": "object"}}]
        result = {"tools": tools, "serverInfo": {"version": "1"}}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text(SERVER % "files.")
    return tmp_path


def _pin(
    home: Path, *arguments: str, answer: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "triptych.infra.cli.main", "gateway", "pin", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        input=answer,
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **(environment or {})},
    )


def test_tools_are_approved_and_a_changed_one_is_shown_with_its_field(home: Path) -> None:
    command = ("--server", "files", "--", sys.executable, "server.py")
    file = home / ".config" / "triptych" / "files.pins.json"
    first = _pin(home, "--yes", *command)
    assert (first.returncode, first.stderr) == (0, "")
    before = file.read_bytes()
    assert list(json.loads(before)["tools"]) == ["read"]
    assert "Reads" not in before.decode()
    (home / "server.py").write_text(SERVER % "secrets.")
    refused = _pin(home, *command, answer="n\n")
    assert ["read", "changed", "description"] in [line.split() for line in refused.stdout.splitlines()]
    assert (refused.returncode, file.read_bytes()) == (1, before)


def test_secrets_of_ours_and_what_the_operator_keeps_do_not_reach_the_server_that_is_asked(home: Path) -> None:
    settings = home / "gateway.toml"
    settings.write_text('child_env_remove = ["KEPT_*"]\n')
    script = (home / "server.py").read_text()
    (home / "server.py").write_text("import os; open('seen', 'w').write(' '.join(os.environ))\n" + script)
    ours = {"TRIPTYCH_GATEWAY__CONFIG": str(settings), "TRIPTYCH_KAFKA__SASL_PASSWORD": "x", "KEPT_BACK": "x"}
    done = _pin(home, "--yes", "--", sys.executable, "server.py", environment={**ours, "SHOWN": "x"})
    assert done.returncode == 0, done.stderr
    seen = (home / "seen").read_text().split()
    assert "SHOWN" in seen
    assert not [name for name in seen if name.startswith(("TRIPTYCH", "KEPT"))]


def test_the_server_may_stand_in_a_clients_file(home: Path) -> None:
    entry = {"command": sys.executable, "args": ["server.py"]}
    (home / ".mcp.json").write_text(json.dumps({"mcpServers": {"files": entry}}))
    done = _pin(home, "--client", ".mcp.json", "--pins", "pins.json", "--yes")
    assert (done.returncode, json.loads((home / "pins.json").read_text())["server"]) == (0, "files")


@pytest.mark.parametrize(
    ("arguments", "code", "status"), [((), "C01", 2), (("--", "false"), "G20", 1), (("--client", "none"), "G29", 2)]
)
def test_without_a_list_there_are_no_pins(home: Path, arguments: tuple[str, ...], code: str, status: int) -> None:
    done = _pin(home, *arguments)
    assert (done.returncode, done.stderr[:3]) == (status, code)
