"""What a wrapper loads before its first byte. Each of these modules would cost milliseconds that a client waits for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from patience import PATIENCE_S

HEAVY = (
    "argparse",
    "asyncio",
    "confluent_kafka",
    "fastavro",
    "pydantic",
    "socket",
    "sqlglot",
    "structlog",
    "subprocess",
    "tomllib",
    "triptych.models.events",
    "triptych.producers.lease",
    "typer",
)
CODE = (
    "import atexit, json, os, sys\n"
    "atexit.register(lambda: os.write(2, json.dumps(sorted(sys.modules)).encode()))\n"
    "from triptych.producers.gateway.stdio.main import main\n"
    "main(sys.argv[1:])\n"
)
ASKED = b"".join(
    json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"
    for number, (method, params) in enumerate(
        [
            ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a"}}),
            ("tools/list", {}),
            ("tools/call", {"name": "t", "arguments": {"a": "x", "n": 1}}),
        ]
    )
)
SERVER = (
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    tools = [{'name': 't', 'description': 'd', 'inputSchema': {}}]\n"
    "    print(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'], 'result': {'tools': tools}}), flush=True)\n"
)


def test_a_whole_session_loads_nothing_heavy(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    options = ["--spool", str(tmp_path / "spool"), "--key-file", str(key)]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *options, "--", sys.executable, "-c", SERVER],
        input=ASKED,
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    loaded = json.loads(done.stderr)
    assert done.stdout.count(b"\n") == 3
    assert "triptych.producers.gateway.facts.describe" in loaded
    assert [name for name in HEAVY if name in loaded] == []
