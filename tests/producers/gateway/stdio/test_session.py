"""The order of a connection: what is leased, when the gate opens, and what a spool folder shows to a thief."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.observer.ledger import Call
from triptych.producers.gateway.spool.record import load
from triptych.producers.gateway.stdio.gate import Gate
from triptych.producers.gateway.stdio.session import Session

Build = Callable[..., dict[str, Any]]


class Lease:
    """Remembers which calls began and ended."""

    state = "granted"

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def begin(self, calls: Iterable[Call]) -> None:
        self.begun += [call.call_id for call in calls]

    def end(self, call: Call) -> None:
        self.ended.append(call.call_id)


class Kept:
    """A spool in memory."""

    def __init__(self) -> None:
        self.events: list[ProtocolEvent] = []

    def append(self, record: bytes) -> bool:
        self.events.append(load(record))
        return True


class Connected:
    """A session without processes."""

    def __init__(self, watched: Any, gate: Gate | None = None) -> None:
        self.lease, self.spool = Lease(), Kept()
        self.session = Session(
            watched.observer,
            watched.describer,
            lease=self.lease,  # type: ignore[arg-type]
            spool=self.spool,  # type: ignore[arg-type]
            now=watched.now,
            gate=gate,
        )

    def client(self, *messages: object) -> list[Any]:
        return ids(self.session.towards_server(b"".join(map(line, messages))))

    def server(self, *messages: object) -> list[Any]:
        self.session.towards_client(b"".join(map(line, messages)))
        return ids(self.session.forwarded())


def line(message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


def ids(sent: bytes) -> list[Any]:
    return [json.loads(one).get("id", "cancel") for one in sent.splitlines()]


def cancel(number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}


@pytest.fixture
def connected(watched: Any) -> Connected:
    return Connected(watched)


@pytest.fixture
def serialised(watched: Any) -> Connected:
    return Connected(watched, Gate(1 << 20))


def test_a_tool_call_behind_many_elements_of_a_batch_is_leased_and_told(connected: Connected, call: Build) -> None:
    noise = {"jsonrpc": "2.0", "method": "notifications/x"}
    connected.session.towards_server(line([noise] * 400 + [call(9, tool="steal", a="x")]))
    stolen = connected.spool.events[-1]
    assert connected.lease.begun == [stolen.call_id]
    assert (stolen.kind, stolen.tool, stolen.anomalies) == ("request", "steal", ("batch", "batch-truncated"))
    assert len(connected.spool.events) == 257
    assert connected.session.failures == {"batch-truncated": 400 - 256}


def test_a_reply_behind_many_elements_of_a_batch_ends_its_call(
    connected: Connected, call: Build, answer: Build
) -> None:
    connected.client(call(9))
    connected.session.towards_client(line([{"jsonrpc": "2.0", "method": "notifications/x"}] * 300 + [answer(9)]))
    assert connected.lease.ended == connected.lease.begun


def test_a_request_that_is_not_tracked_is_not_leased(connected: Connected, call: Build) -> None:
    connected.session.towards_server(line([call(number) for number in range(8200)]))
    assert len(connected.lease.begun) == 8192


def test_a_cancelled_call_that_is_never_answered_lets_the_next_go(serialised: Connected, call: Build) -> None:
    assert serialised.client(call(1), call(2)) == [1]
    assert serialised.client(cancel(1)) == ["cancel", 2]


def test_a_late_reply_to_a_cancelled_call_opens_the_gate_no_second_time(
    serialised: Connected, call: Build, answer: Build
) -> None:
    serialised.client(call(1), call(2), call(3), cancel(1), cancel(1))
    assert serialised.server(answer(1)) == []
    assert serialised.server(answer(2)) == [3]


def test_a_reply_to_a_continued_call_opens_no_gate(serialised: Connected, call: Build, answer: Build) -> None:
    retry = call(7)
    retry["params"]["requestState"] = "s"
    serialised.client(call(1), retry, call(2))
    assert serialised.server(answer(7)) == []
    assert serialised.server(answer(1)) == [2]


def test_the_gate_waits_for_every_tool_call_of_a_batch(serialised: Connected, call: Build, answer: Build) -> None:
    batch = [{"jsonrpc": "2.0", "method": "notifications/x"}] * 300 + [call(1), call(2)]
    serialised.session.towards_server(line(batch) + line(call(3)))
    assert serialised.server(answer(1)) == []
    assert serialised.server(answer(2)) == [3]


def test_a_client_that_sends_more_than_may_be_held_has_to_wait(serialised: Connected, call: Build) -> None:
    large = call(2, a="x" * 900_000)
    serialised.client(call(1))
    full = []
    for _ in range(20):
        serialised.client(large)
        full.append(serialised.session.full)
    assert (full[0], full[-1]) == (False, True)


def test_a_spool_nobody_ships_shows_no_value(tmp_path: Path) -> None:
    code = (
        "import sys,json,os\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    tool = {'name': 't', 'description': 'CANARYdefinition', 'inputSchema': {'x': 'CANARYschema'}}\n"
        "    result = {'tools': [tool]} if asked['method'] == 'tools/list' else {'content': [{'type': 'text',"
        " 'text': 'CANARYresult ' + os.environ['PLANTED']}]}\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': result}), flush=True)\n"
    )
    asked = [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "t", "arguments": {"path": "/x/CANARYargument", "token": "CANARYtoken"}},
        },
        {"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": "file:///CANARYuri"}},
    ]
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(tmp_path / "spool")]
    done = subprocess.run(
        [*gateway, "--", sys.executable, "-c", code],
        input=b"".join(map(line, asked)),
        capture_output=True,
        timeout=30,
        check=False,
        env={"PLANTED": "CANARYenvironment"},
    )
    files = {path.name: path.read_bytes() for path in (tmp_path / "spool").rglob("*") if path.is_file()}
    assert b"CANARYenvironment" in done.stdout
    assert b"".join(files.values()).count(b'"tools/call"') >= 1
    assert [name for name, content in files.items() if b"CANARY" in content] == []
