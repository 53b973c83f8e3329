"""Calls at the same time, and every effect is one call's: each has a process of its own, or waits for its turn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.writer import split

from .conftest import Running

pytestmark = pytest.mark.kernel

CALLS = 8
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
SERVER = """
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    open(asked["params"]["arguments"]["path"]).close()
    time.sleep(0.05)
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {}}), flush=True)
"""


def call(number: int, folder: Path) -> bytes:
    path = folder / f"f{number}"
    path.touch()
    params = {"name": "read", "arguments": {"path": str(path)}, "_meta": META}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode() + b"\n"


def call_ids(spool: Path) -> dict[str, str]:
    """JSON-RPC ids of the requests to the call ids that the gateway gave them; all were under a lease."""
    events = []
    for path in spool.glob("*.spool"):
        reader = Events()
        for record in split(path.read_bytes())[0]:
            if b'"fields"' in record:
                reader.learn(record)
            else:
                events.append(reader.read(record))
    requests = [event for event in events if event.kind == "request"]
    assert {event.lease for event in requests} == {"granted"}
    return {event.jsonrpc_id or "": event.call_id for event in requests}


@pytest.mark.parametrize(("mode", "processes"), [("replica", 3), ("serialised", 1)])
def test_every_effect_is_that_of_one_call(running: Running, tmp_path: Path, mode: str, processes: int) -> None:
    file, spool = tmp_path / "gateway.json", tmp_path / "spool"
    patience = {"ready_ms": 60_000, "attach_ms": 60_000}
    place = {"spool_dir": str(spool), "lease_socket": str(running.socket)}
    settings = {"dispatch_mode": mode, "replicas": 3, **patience, **place}
    file.write_text(json.dumps(settings))
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--config", str(file), "--"]
    with subprocess.Popen(
        [*gateway, sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"".join(call(number, tmp_path) for number in range(CALLS)))
        process.stdin.flush()
        answered = sorted(json.loads(process.stdout.readline())["id"] for _ in range(CALLS))
        running.told.settled()
        process.stdin.close()
    assert answered == list(range(CALLS))
    ids = call_ids(spool)
    opened = running.told.events("open", lambda event: (event.path or "").startswith(f"{tmp_path}/f"))
    bound = {Path(one.event.path or "").name: one for one in opened}
    assert {name: [ref.call_id for ref in one.calls] for name, one in bound.items()} == {
        f"f{number}": [ids[str(number)]] for number in range(CALLS)
    }
    assert {one.event.binding for one in bound.values()} == {"exact"}
    assert len({one.event.pid for one in bound.values()}) == processes
