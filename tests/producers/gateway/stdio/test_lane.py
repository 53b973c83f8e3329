"""Several processes of one server whose lines are long: nothing is lost, and nobody waits without an end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_S

LINES = 212  # more than may be held for one process, and what is too much fits a pipe
SERVER = """
import json, os, sys, time
LINES = int(sys.argv[1])
NOTE = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": "y" * 5000}) + "\\n"
for line in sys.stdin:
    asked = json.loads(line)
    text = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"text": "x" * 5000}})
    if asked["params"]["name"] == "slow":
        sys.stdout.write(text[:4000]); sys.stdout.flush()
        open("begun", "w").close()
        while not os.path.exists("gone"):
            time.sleep(0.01)
        time.sleep(0.3)
        print(text[4000:], flush=True)
    else:
        while not os.path.exists("begun"):
            time.sleep(0.01)
        lines = text + "\\n" + NOTE * (LINES - 2)
        sys.stdout.write(lines); sys.stdout.flush()
        open("gone", "w").close()
        os._exit(0)
"""


def _call(number: int, name: str) -> bytes:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    params = {"name": name, "_meta": meta}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode() + b"\n"


def test_a_process_that_ends_while_another_has_the_floor_loses_no_line(tmp_path: Path) -> None:
    settings = {"spool_dir": str(tmp_path / "spool"), "dispatch_mode": "replica", "replicas": 2, "inspect_bytes": 1000}
    (tmp_path / "gateway.json").write_text(json.dumps(settings))
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--config", "gateway.json", "--"]
    process = subprocess.Popen(
        [*gateway, sys.executable, "-c", SERVER, str(LINES)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(_call(1, "slow") + _call(2, "many"))
    process.stdin.flush()
    lines = [json.loads(process.stdout.readline()) for _ in range(LINES)]
    assert [line.get("id", "note") for line in lines] == [1, 2, *["note"] * (LINES - 2)]
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
