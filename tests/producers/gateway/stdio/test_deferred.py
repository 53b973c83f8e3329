"""Describing behind the traffic: announced before it passes, described in order, and nothing of it differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import Entry
from triptych.producers.gateway.stdio.deferred import DeferredSession
from triptych.producers.gateway.stdio.session import NoSensor, Session

Build = Callable[..., dict[str, Any]]


class Kept:
    """A spool in memory."""

    def __init__(self) -> None:
        self.announced: list[ProtocolEvent] = []
        self.events: list[ProtocolEvent] = []
        self.full = False
        self._known = Events()

    def append(self, entries: Iterable[Entry]) -> bool:
        self.events += self._read(entries)
        return True

    def announce(self, entries: Iterable[Entry]) -> bool:
        if not self.full:
            self.announced += self._read(entries)
        return not self.full

    def fulfil(self) -> None:
        self.announced.clear()

    def _read(self, entries: Iterable[Entry]) -> list[ProtocolEvent]:
        found = []
        for head, record in entries:
            self._known.learn(head.record)
            found.append(self._known.read(record))
        return found


class Connected:
    """A session of either kind without processes."""

    def __init__(self, watched: Any, kind: type[Session] = DeferredSession) -> None:
        self.spool, self.describer = Kept(), watched.describer
        self.session = kind(
            watched.observer,
            watched.describer,
            lease=NoSensor(),
            spool=self.spool,  # type: ignore[arg-type]
            now=watched.now,
        )

    def client(self, *messages: object) -> None:
        self.session.towards_server(b"".join(map(line, messages)))
        self.session.forwarded()

    def server(self, *messages: object) -> None:
        self.session.towards_client(b"".join(map(line, messages)))
        self.session.forwarded()


def line(message: object) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"


@pytest.fixture
def connected(watched: Any) -> Connected:
    return Connected(watched)


def test_a_message_is_announced_before_it_passes_and_described_when_nothing_does(
    connected: Connected, call: Build
) -> None:
    connected.session.towards_server(line(call(1, path="/etc/hosts")))
    (announced,) = connected.spool.announced
    assert (announced.tool, announced.arguments, connected.session.owing) == ("read_config", (), True)
    connected.session.settle()
    (event,) = connected.spool.events
    assert (event.event_id, len(event.arguments)) == (announced.event_id, 1)
    assert (connected.spool.announced, connected.session.owing) == ([], False)


def test_a_reply_is_announced_before_the_client_has_it(connected: Connected, call: Build, answer: Build) -> None:
    connected.client(call(1))
    connected.session.towards_client(line(answer(1)))
    assert [event.kind for event in connected.spool.announced] == ["request", "response"]


def test_no_more_than_six_messages_wait(connected: Connected, call: Build) -> None:
    for number in range(5):
        connected.client(call(number))
    assert connected.spool.events == []
    connected.client(call(5))
    assert len(connected.spool.events) == 6


def test_large_messages_do_not_wait_for_others(connected: Connected, call: Build, answer: Build) -> None:
    connected.client(call(1))
    connected.server(answer(1, "x" * 70_000))
    assert len(connected.spool.events) == 2


def test_what_a_server_asks_is_described_at_once(connected: Connected) -> None:
    connected.server({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
    assert [event.method for event in connected.spool.events] == ["sampling/createMessage"]


def test_without_room_to_announce_it_is_described_before_it_passes(connected: Connected, call: Build) -> None:
    connected.client(call(1))
    connected.spool.full = True
    connected.session.towards_server(line(call(2)))
    assert [event.jsonrpc_id for event in connected.spool.events] == ["1", "2"]


def test_what_cannot_be_described_is_told_as_it_was_announced(watch: Any, call: Build) -> None:
    connected = Connected(watch(sensitivity=lambda _: {}["a bug"]))
    connected.client(call(1), call(2, path="/etc/hosts"), call(3))
    connected.session.settle()
    assert [event.anomalies for event in connected.spool.events] == [(), ("undescribed",), ()]
    assert connected.spool.events[1].arguments == ()


def test_the_end_of_a_server_leaves_nothing_owed(connected: Connected, call: Build) -> None:
    connected.client(call(1))
    connected.session.exited(0)
    assert [(event.kind, event.sequence) for event in connected.spool.events] == [("request", 1), ("transport", 2)]


def test_progress_that_its_reply_follows_at_once_is_of_a_call_in_flight(
    signed: Any, call: Build, answer: Build
) -> None:
    one = Connected(signed)
    one.client(call(1, meta={"progressToken": 5}))
    one.server({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 5, "progress": 1}})
    one.server(answer(1))
    one.server({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 5, "progress": 2}})
    one.session.settle()
    assert [event.anomalies for event in one.spool.events] == [(), (), (), ("unknown-progress-token",)]


def test_a_request_does_not_tell_what_its_reply_began(signed: Any, call: Build) -> None:
    one = Connected(signed)
    one.client(call(1))
    one.server({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "task", "taskId": "t", "status": "working"}})
    one.session.settle()
    request, reply = one.spool.events
    assert (request.task_digest, reply.root_call_id) == (None, request.call_id)
    assert reply.task_digest is not None


def test_a_retry_that_becomes_a_task_keeps_the_first_try_as_its_root(signed: Any, call: Build, answer: Build) -> None:
    one = Connected(signed)
    one.client(call(1))
    one.server(answer(1, resultType="input_required", inputRequests={}, requestState="s"))
    again = call(2)
    again["params"] |= {"requestState": "s", "inputResponses": {}}
    one.client(again)
    one.server({"jsonrpc": "2.0", "id": 2, "result": {"resultType": "task", "taskId": "t", "status": "working"}})
    one.session.settle()
    first = one.spool.events[0].call_id
    assert [event.root_call_id for event in one.spool.events[1:]] == [first, first, first]


TRAFFIC = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(
            [
                b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"path":"/srv/seen"}}}\n',
                b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"see /srv/seen"}]}}\n',
                b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t1","status":"working"}}\n',
                b'{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"t1"}}\n',
                b'{"jsonrpc":"2.0","id":2,"result":{"status":"completed"}}\n',
                b'{"jsonrpc":"2.0","id":3,"method":"elicitation/create","params":{"mode":"url","url":"https://a.test"}}\n',
                b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n',
                b'{"jsonrpc":"2.0","id":4,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}\n',
                b'{"jsonrpc":"2.0","id":4,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"s"}}}\n',
                *(b"\n", b"{}\n", b"[", b"\xff\n"),
            ]
        ),
    ),
    max_size=14,
)


@given(TRAFFIC)
def test_to_describe_later_changes_no_event(signing: Callable[[], Any], traffic: list[tuple[bool, bytes]]) -> None:
    told = []
    for kind in (Session, DeferredSession):
        one = Connected(signing(), kind)
        for upwards, chunk in traffic:
            one.client(chunk) if upwards else one.server(chunk)
        one.session.settle()
        told.append([replace(event, lost_before=0) for event in one.spool.events])
        assert one.session.failures == {}
    assert told[0] == told[1]
