"""Which process of a server gets a line: nothing is lost, nothing overtakes that must not."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.observer.observe import CLIENT, SERVER, Observer
from triptych.producers.gateway.stdio.dispatch import Send
from triptych.producers.gateway.stdio.router import Router

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}


class Routed:
    """A router with as many observed servers as it has members. What was sent is told as (member, id)."""

    def __init__(self, mode: Any, members: int) -> None:
        self.router = Router(mode, members, 1 << 16)
        self.streams = [b""] * members
        numbers = itertools.count()
        keyring = Keyring(b"k" * 32, "test")
        self._observers = [
            Observer(keyring, ("c", "process"), lambda: f"id-{next(numbers)}", lambda: "t", 1 << 16)
            for _ in range(members)
        ]

    def client(self, *messages: Any) -> list[tuple[int, Any]]:
        return [told for message in messages for told in self.delivered(self.router.line(line(message)))]

    def server(self, member: int, message: Any) -> list[tuple[int, Any]]:
        return self._heard(member, SERVER, line(message))

    def delivered(self, sends: list[Send]) -> list[tuple[int, Any]]:
        told = []
        for member, data in sends:
            self.streams[member] += data
            told += [(member, name(one)) for one in data.splitlines()]
            told += self._heard(member, CLIENT, data)
        return told

    def _heard(self, member: int, direction: Any, data: bytes) -> list[tuple[int, Any]]:
        observed = self._observers[member].read(direction, data, Now(0, 0))
        return [told for message in observed for told in self.delivered(self.router.heard(member, message))]


def line(message: Any) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"


def name(data: bytes) -> Any:
    try:
        message = json.loads(data)
    except ValueError:
        return "unreadable"
    if isinstance(message, list):
        return [one.get("id") for one in message]
    return message.get("id", message.get("method"))


def request(number: Any, method: str = "tools/call", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"_meta": META, **params}}


def old(number: Any, method: str = "tools/call") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {}}


def cancel(number: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}


def reply(number: Any, **result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


@pytest.fixture
def serialised() -> Routed:
    return Routed("serialised", 1)


@pytest.fixture
def pool() -> Routed:
    return Routed("replica", 3)


def test_serialised_a_second_tool_call_waits_for_the_first(serialised: Routed) -> None:
    assert serialised.client(old(1), old(2), old(3)) == [(0, 1)]
    assert serialised.server(0, reply(1)) == [(0, 2)]
    assert serialised.server(0, reply(2)) == [(0, 3)]
    assert serialised.server(0, reply(3)) == []


def test_serialised_everything_else_overtakes(serialised: Routed) -> None:
    others = [old(3, "ping"), reply(9), b"nonsense\n", b"\n"]
    assert [told for _, told in serialised.client(old(1), old(2), *others)] == [1, 3, 9, "unreadable", "unreadable"]


def test_serialised_a_continued_call_is_not_held(serialised: Routed) -> None:
    assert serialised.client(old(1), request(2, inputResponses={}, requestState="s")) == [(0, 1), (0, 2)]
    serialised.client(old(3))
    assert serialised.server(0, reply(2)) == []
    assert serialised.server(0, reply(1)) == [(0, 3)]


def test_serialised_a_cancelled_call_is_over_once(serialised: Routed) -> None:
    assert serialised.client(old(1), old(2), old(3), cancel(1), cancel(1)) == [
        (0, 1),
        (0, "notifications/cancelled"),
        (0, 2),
        (0, "notifications/cancelled"),
    ]
    assert serialised.server(0, reply(1)) == []
    assert serialised.server(0, reply(2)) == [(0, 3)]


def test_the_cancellation_of_a_held_call_follows_it(serialised: Routed) -> None:
    assert serialised.client(old(1), old(2), cancel(2), old(3)) == [(0, 1)]
    assert serialised.server(0, reply(1)) == [(0, 2), (0, "notifications/cancelled"), (0, 3)]


def test_a_storm_of_cancellations_waits_as_many_small_pieces(serialised: Routed) -> None:
    serialised.client(request(1), request(2))
    storm = [line(cancel(2))] * 1000
    assert serialised.client(*storm) == []
    assert serialised.router.rest() == [(0, line(request(2))), *((0, one) for one in storm)]
    assert not serialised.router.full


def test_serialised_a_batch_holds_until_all_its_tool_calls_are_over(serialised: Routed) -> None:
    noise = [{"jsonrpc": "2.0", "method": "x"}] * 300
    serialised.client([*noise, old(1), old(2)], old(3))
    assert serialised.server(0, reply(1)) == []
    assert serialised.server(0, [*noise, reply(2)]) == [(0, 3)]


def test_one_id_for_two_calls_is_answered_twice(serialised: Routed) -> None:
    serialised.client(old(1), old(1), old(2))
    assert serialised.server(0, reply(1)) == [(0, 1)]
    assert serialised.server(0, reply(1)) == [(0, 2)]


def test_a_reply_too_large_to_read_is_that_of_the_only_call(serialised: Routed) -> None:
    serialised.client(old(1), old(2))
    assert serialised.server(0, b'{"result":{"text":"' + b"x" * 100_000 + b'"},"id":1}\n') == [(0, 2)]


def test_held_bytes_are_bounded(serialised: Routed) -> None:
    large = request(2, text="x" * 900_000)
    serialised.client(old(1))
    full = [serialised.client(large) == [] and serialised.router.full for _ in range(20)]
    assert (full[0], full[-1]) == (False, True)


def test_the_end_of_the_stream_lets_all_go(serialised: Routed) -> None:
    serialised.client(old(1), old(2), old(3))
    assert serialised.delivered(serialised.router.rest()) == [(0, 2), (0, 3)]


def test_calls_at_the_same_time_get_a_replica_each_and_then_wait(pool: Routed) -> None:
    work = [request(1), request(2, "resources/read"), request(3, "prompts/get"), request(4, "completion/complete")]
    assert pool.client(*work) == [(0, 1), (1, 2), (2, 3)]
    assert pool.server(1, reply(2)) == [(1, 4)]


def test_an_idle_replica_that_runs_is_taken_before_a_new_one(pool: Routed) -> None:
    pool.client(request(1), request(2))
    pool.server(1, reply(2))
    assert pool.client(request(3)) == [(1, 3)]


def test_lists_and_subscriptions_go_to_the_first_at_once(pool: Routed) -> None:
    others = [
        request(number, method)
        for number, method in enumerate(["server/discover", "tools/list", "subscriptions/listen"])
    ]
    assert pool.client(request(9), *others) == [(0, 9), (0, 0), (0, 1), (0, 2)]


def test_a_cancellation_goes_to_the_replica_that_works(pool: Routed) -> None:
    pool.client(request(1), request(2), request(3), request(4))
    assert pool.client(cancel(2)) == [(1, "notifications/cancelled"), (1, 4)]


def test_a_continued_call_goes_back_to_the_replica_that_gave_its_state(pool: Routed) -> None:
    pool.client(request(1), request(2))
    pool.server(1, reply(2, resultType="input_required", requestState="s"))
    pool.client(request(3))
    assert pool.client(request(4, requestState="s", inputResponses={}), request(5)) == [(2, 5)]
    assert pool.server(1, reply(3)) == [(1, 4)]


def test_a_question_about_a_task_goes_to_the_replica_that_runs_it(pool: Routed) -> None:
    pool.client(request(1), request(2))
    pool.server(1, reply(2, resultType="task", taskId="t"))
    asked = [request(number, method, taskId="t") for number, method in enumerate(["tasks/get", "tasks/cancel"], 5)]
    assert pool.client(*asked) == [(1, 5), (1, 6)]


def test_an_answer_goes_to_the_replica_that_asked(pool: Routed) -> None:
    pool.client(request(1), request(2))
    pool.server(1, old("s", "roots/list"))
    assert pool.client(reply("s")) == [(1, "s")]
    assert pool.router.mode == "replica"


SIGNS = {
    "initialize": old(7, "initialize"),
    "initialized": {"jsonrpc": "2.0", "method": "notifications/initialized"},
    "a call without _meta": old(7),
    "a ping": old(7, "ping"),
    "a batch": [request(7)],
    "an answer nobody asked for": reply(7),
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_a_sign_of_an_older_client_binds_the_connection_to_the_first(pool: Routed, sign: Any) -> None:
    pool.client(request(1), request(2), request(3), request(4))
    told = pool.client(sign, request(8), request(9))
    assert pool.router.mode == "concurrent"
    assert told[0] == (0, 4)
    assert {member for member, _ in told} == {0}
    assert len(told) == 4


def test_what_a_lost_replica_leaves_unanswered_is_told_by_its_ids(pool: Routed) -> None:
    pool.client(request(1), request("two"), request(3, "tools/list"), request(4))
    assert pool.router.lost(1) == ['"two"']
    assert pool.router.lost(0) == ["1", "3"]


def test_a_lost_replica_gets_nothing_until_it_is_back(pool: Routed) -> None:
    pool.client(request(1), request(2), request(3))
    pool.router.lost(0)
    assert pool.client(request(4), request(5, "tools/list")) == []
    assert pool.delivered(pool.router.back(0)) == [(0, 4), (0, 5)]


PARTS = st.lists(
    st.sampled_from([request(1), request(2), request(3, "tools/list"), cancel(1), reply(8), b"junk\n", b"\n", old(5)])
    | st.tuples(st.integers(0, 2), st.sampled_from([1, 2, 3])),
    max_size=30,
)


@given(PARTS, st.sampled_from([("serialised", 1), ("replica", 3), ("concurrent", 1)]))
def test_every_line_reaches_one_process_once(parts: list[Any], how: tuple[Any, int]) -> None:
    routed = Routed(*how)
    for part in parts:
        if isinstance(part, tuple):
            routed.server(part[0] % how[1], reply(part[1]))
        else:
            routed.client(part)
    routed.delivered(routed.router.rest())
    sent = [one for stream in routed.streams for one in stream.splitlines(keepends=True)]
    assert sorted(sent) == sorted(line(part) for part in parts if not isinstance(part, tuple))
