"""Calls that become tasks: in flight until a status ends them; their ids belong to who got them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from triptych.producers.gateway.observer.observe import CLIENT, SERVER
from triptych.producers.gateway.stdio.session import Session

CANARY = "canary-task-5209"
OTHER = {"baggage": "gen_ai.conversation.id=another"}


def ask(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def done(number: int = 1, **result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def started(number: int = 1, task: str = "t", *, legacy: bool = False, status: str = "working") -> dict[str, Any]:
    named = {"taskId": task, "status": status}
    return done(number, task=named) if legacy else done(number, resultType="task", **named)


def told(task: str, status: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/tasks", "params": {"taskId": task, "status": status}}


def over(signed: Any, message: dict[str, Any]) -> list[str]:
    """call_ids that end with a message of the server besides its own."""
    return [call.call_id for one in read(signed, message) for call in one.released]


def read(signed: Any, message: dict[str, Any]) -> Any:
    return signed.observer.read(SERVER, json.dumps(message).encode() + b"\n", signed.now())


@pytest.mark.parametrize("legacy", [False, True])
def test_the_reply_that_starts_a_task_does_not_end_the_call(signed: Any, legacy: bool) -> None:
    (asked,) = signed.client(ask("tools/call", name="x"))
    (message,) = read(signed, started(legacy=legacy))
    assert (message.call.call_id, message.ends, message.released) == (asked.call_id, None, ())
    (later,) = signed.client(ask("tools/call", 2, name="y"))
    assert later.in_flight == (asked.call_id, later.call_id)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
@pytest.mark.parametrize("way", ["tasks/get", "notification"])
def test_a_terminal_status_ends_it_once(signed: Any, status: str, way: str) -> None:
    (asked,) = signed.client(ask("tools/call", name="x"))
    signed.server(started())
    signed.client(ask("tasks/get", 2, taskId="t"), ask("tasks/get", 3, taskId="t"))
    ending = [told("t", status)] * 2 if way == "notification" else [done(n, taskId="t", status=status) for n in (2, 3)]
    assert [over(signed, message) for message in ending] == [[asked.call_id], []]
    (later,) = signed.client(ask("tools/call", 4, name="y"))
    assert asked.call_id not in later.in_flight


def test_a_task_that_works_on_stays(signed: Any) -> None:
    signed.client(ask("tools/call", name="x"))
    signed.server(started())
    signed.client(ask("tasks/get", 2, taskId="t"))
    assert over(signed, done(2, taskId="t", status="input_required")) == over(signed, told("t", "working")) == []


def test_a_task_that_is_complete_at_once_ends_with_its_reply(signed: Any) -> None:
    signed.client(ask("tools/call", name="x"))
    (message,) = read(signed, started(status="completed"))
    assert message.ends is message.call


def test_the_result_of_a_legacy_task_ends_it(signed: Any) -> None:
    (asked,) = signed.client(ask("tools/call", name="x", task={"ttl": 1}))
    signed.server(started(legacy=True))
    signed.client(ask("tasks/result", 2, taskId="t"))
    assert over(signed, done(2, content=[])) == [asked.call_id]


def test_all_events_about_a_task_name_it_and_the_call_it_was(signed: Any, keyring: Any) -> None:
    (asked,) = signed.client(ask("tools/call", name="x"))
    events = signed.server(started())
    events += signed.client(ask("tasks/get", 2, taskId="t"))
    events += signed.server(done(2, taskId="t", status="working"), told("t", "completed"))
    assert {event.task_digest for event in events} == {keyring.digest("t")}
    assert {event.root_call_id for event in events} == {asked.call_id}
    assert all(event.anomalies == () for event in events)


def test_at_most_64_calls_stay_and_the_oldest_goes_first(signed: Any) -> None:
    calls = [signed.client(ask("tools/call", number, name="x"))[0].call_id for number in range(70)]
    ended = [over(signed, started(number, f"t{number}")) for number in range(70)]
    assert ended == [[]] * 64 + [[call_id] for call_id in calls[:6]]


def test_a_task_stays_an_hour_at_most(signed: Any) -> None:
    (asked,) = signed.client(ask("tools/call", name="x"))
    signed.server(started())
    signed.client(ask("ping", 2), ask("ping", 3))
    late = signed.now()._replace(mono_ns=3_700_000_000_000)
    (message,) = signed.observer.read(SERVER, b'{"jsonrpc":"2.0","id":2,"result":{}}\n', late)
    assert [call.call_id for call in message.released] == [asked.call_id]


def test_a_task_nobody_was_given_is_an_anomaly(signed: Any) -> None:
    (event,) = signed.client(ask("tasks/get", taskId="guessed"))
    assert event.anomalies == ("task-unknown",)
    assert signed.server(told("invented", "working"))[0].anomalies == ("task-unknown",)


def test_the_task_of_another_conversation_is_an_anomaly(signed: Any) -> None:
    signed.client(ask("tools/call", name="x"))
    signed.server(started())
    own, foreign = signed.client(ask("tasks/get", 2, taskId="t"), ask("tasks/get", 3, taskId="t", _meta=OTHER))
    assert (own.anomalies, foreign.anomalies) == ((), ("task-foreign",))
    assert foreign.evidence[0].detail == "returned to another conversation"


def test_a_task_that_the_server_lists_is_known(signed: Any) -> None:
    signed.client(ask("tasks/list"))
    signed.server(done(tasks=[{"taskId": "old"}, 5]))
    assert signed.client(ask("tasks/get", 2, taskId="old"))[0].anomalies == ()


def test_what_a_server_asks_within_a_task_names_it(signed: Any) -> None:
    (asked,) = signed.client(ask("tools/call", name="x", task={}))
    signed.server(started(legacy=True))
    related = {"io.modelcontextprotocol/related-task": {"taskId": "t"}}
    (event,) = signed.server(ask("elicitation/create", 9, _meta=related, message="m"))
    assert event.root_call_id == asked.call_id


@pytest.mark.parametrize("task", [None, 5, {"a": 1}, "x" * 100_000])
def test_ids_of_any_kind_are_digests(signed: Any, task: object) -> None:
    signed.client(ask("tasks/get", taskId=task))
    signed.client(ask("tools/call", 2, name="x"))
    signed.server(done(2, resultType="task", taskId=task))
    assert signed.observer.shared.failures == {}


def test_no_task_id_is_published(signed: Any) -> None:
    signed.client(ask("tools/call", name="x"))
    signed.server(started(task=CANARY))
    signed.client(ask("tasks/get", 2, taskId=CANARY))
    signed.server(done(2, taskId=CANARY, status="completed"), told(CANARY, "completed"))
    assert CANARY.encode() not in b"".join(signed.records)


def test_a_cancelled_request_is_over_though_its_task_is_not(signed: Any) -> None:
    (asked,) = signed.client(ask("tools/call", name="x"))
    cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n'
    (message,) = signed.observer.read(CLIENT, cancel, signed.now())
    assert message.ends.call_id == asked.call_id


class Lease:
    """Notes what begins and ends."""

    state = "granted"

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def begin(self, calls: Any) -> None:
        self.said += [("begin", call.method) for call in calls]

    def end(self, call: Any) -> None:
        self.said.append(("end", call.method))

    def close(self) -> None: ...


class Kept:
    def append(self, entries: Any) -> bool:
        return bool(entries)


def test_the_lease_of_a_call_lasts_as_long_as_its_task(signed: Any) -> None:
    lease = Lease()
    session = Session(signed.observer, signed.describer, lease=lease, spool=Kept(), now=signed.now)
    for message in (
        ask("tools/call", name="x"),
        started(),
        ask("tasks/get", 2, taskId="t"),
        done(2, taskId="t", status="completed"),
    ):
        line = json.dumps(message).encode() + b"\n"
        (session.towards_server if "method" in message else session.towards_client)(line)
        session.forwarded()
    assert lease.said == [("begin", "tools/call"), ("begin", "tasks/get"), ("end", "tasks/get"), ("end", "tools/call")]


@pytest.mark.parametrize("status", [[], {}, 1, None])
def test_a_status_that_is_no_text_ends_nothing(signed: Any, status: Any) -> None:
    signed.client({"jsonrpc": "2.0", "method": "notifications/tasks", "params": {"taskId": "t", "status": status}})
    assert signed.observer.shared.failures == {}
