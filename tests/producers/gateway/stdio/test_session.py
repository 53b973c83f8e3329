"""The order of a connection: what is leased, told and lost, and what a spool folder shows to a thief."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE_S

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.observer.ledger import Call
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import Entry
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
        self.writes = 0
        self.full = False
        self._known = Events()

    def append(self, entries: Iterable[Entry]) -> bool:
        if self.full:
            return False
        self.writes += 1
        for head, record in entries:
            self._known.learn(head.record)
            self.events.append(self._known.read(record))
        return True


class Connected:
    """A session without processes."""

    def __init__(self, watched: Any) -> None:
        self.lease, self.spool, self.describer = Lease(), Kept(), watched.describer
        self.session = Session(
            watched.observer,
            watched.describer,
            lease=self.lease,  # type: ignore[arg-type]
            spool=self.spool,  # type: ignore[arg-type]
            now=watched.now,
        )

    def client(self, *messages: object) -> None:
        self.session.towards_server(b"".join(map(line, messages)))

    def server(self, *messages: object) -> None:
        self.session.towards_client(b"".join(map(line, messages)))
        self.session.forwarded()


def line(message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


@pytest.fixture
def connected(watched: Any) -> Connected:
    return Connected(watched)


def test_a_tool_call_behind_many_elements_of_a_batch_is_leased_and_told(connected: Connected, call: Build) -> None:
    noise = {"jsonrpc": "2.0", "method": "notifications/x"}
    connected.session.towards_server(line([noise] * 400 + [call(9, tool="steal", a="x")]))
    stolen = connected.spool.events[-1]
    assert connected.lease.begun == [stolen.call_id]
    assert (stolen.kind, stolen.tool, stolen.anomalies) == ("request", "steal", ("batch", "batch-truncated"))
    assert len(connected.spool.events) == 257
    assert connected.session.failures == {"not-described": 400 - 256}


@pytest.mark.parametrize(
    ("chunk", "told"), [(b"x\n" * 1000, 64), (b"{\r" * 1000 + b"\n", 64), (b"[%b]\n" % b",".join([b"1"] * 1000), 64)]
)
def test_of_a_flood_of_scraps_each_is_told_or_counted(connected: Connected, chunk: bytes, told: int) -> None:
    connected.session.towards_server(chunk)
    assert len(connected.spool.events) == told
    assert sum(connected.session.failures.values()) == 1000 - told


def test_the_shortest_message_is_none_of_a_flood(connected: Connected) -> None:
    connected.session.towards_server(b"x\n" * 100 + b'{"jsonrpc":"2.0","error":1}\n')
    assert connected.spool.events[-1].kind == "error"


def test_a_reply_behind_many_elements_of_a_batch_ends_its_call(
    connected: Connected, call: Build, answer: Build
) -> None:
    connected.client(call(9))
    connected.session.towards_client(line([{"jsonrpc": "2.0", "method": "notifications/x"}] * 300 + [answer(9)]))
    assert connected.lease.ended == connected.lease.begun


def test_a_request_that_is_not_tracked_is_not_leased(connected: Connected, call: Build) -> None:
    connected.session.towards_server(line([call(number) for number in range(8200)]))
    assert len(connected.lease.begun) == 8192


PIECES = st.sampled_from(
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":"b"}}}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        *(b"\n", b"\r", b"\r\n", b"[", b"]", b"{}", b"\xff", b'"', b"x"),
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 400), max_size=6))
def test_where_a_stream_is_split_changes_no_event(watch: Any, stream: bytes, cuts: list[int]) -> None:
    def told(places: list[int]) -> list[tuple[object, ...]]:
        one = Connected(watch())
        for start, end in pairwise(sorted({0, len(stream), *(cut for cut in places if cut < len(stream))})):
            one.session.towards_server(stream[start:end])
        one.session.towards_server(b"")
        assert one.session.failures == {}
        return [(event.kind, event.jsonrpc_id, event.anomalies, event.span, event.digest) for event in one.spool.events]

    assert told(cuts) == told([])


def test_a_spool_that_is_full_is_counted_and_the_next_event_says_so(connected: Connected, call: Build) -> None:
    connected.spool.full = True
    connected.client(call(1), call(2))
    connected.spool.full = False
    connected.client(call(3))
    assert connected.session.failures == {"spool-full": 2}
    assert [(event.sequence, event.lost_before) for event in connected.spool.events] == [(3, 2)]


def test_what_cannot_be_described_costs_no_other_event(watch: Any, call: Build) -> None:
    connected = Connected(watch(sensitivity=lambda _: {}["a bug"]))
    connected.client(call(1), call(2, path="/etc/hosts"), call(3))
    assert [event.jsonrpc_id for event in connected.spool.events] == ["1", "3"]
    assert connected.session.failures == {"KeyError": 1}


def test_one_chunk_is_one_write(connected: Connected, call: Build) -> None:
    connected.client(*(call(number) for number in range(20)))
    assert (connected.spool.writes, len(connected.spool.events)) == (1, 20)


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
        timeout=PATIENCE_S,
        check=False,
        env={"PLANTED": "CANARYenvironment"},
    )
    files = {path.name: path.read_bytes() for path in (tmp_path / "spool").rglob("*") if path.is_file()}
    assert b"CANARYenvironment" in done.stdout
    assert b"".join(files.values()).count(b'"tools/call"') >= 1
    assert [name for name, content in files.items() if b"CANARY" in content] == []
