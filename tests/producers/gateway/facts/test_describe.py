"""Records: what is said once in a head, what wins, and that a hostile client makes no flood of heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.observer.observe import CLIENT

Build = Callable[..., dict[str, Any]]
NOW = Now(1, 2)


def introduced(call: Build, number: int, name: str) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": name, "version": "1"},
    }
    return call(number, meta=meta)


def heads(watched: Any) -> set[bytes]:
    return set(watched.records[::2])


def test_calls_of_one_client_stand_under_one_head(watched: Any, call: Build, answer: Build) -> None:
    for number in range(5):
        watched.client(introduced(call, number, "a"))
        watched.server(answer(number))
    assert len(heads(watched)) == 1


def test_a_client_that_changes_its_word_to_and_fro_makes_one_head_for_each(watched: Any, call: Build) -> None:
    events = [watched.client(introduced(call, number, "ab"[number % 2]))[0] for number in range(8)]
    assert [event.claimed_client for event in events] == ["a 1", "b 1"] * 4
    assert len(heads(watched)) == 2


def test_a_reply_keeps_the_claims_of_its_request(watched: Any, call: Build, answer: Build) -> None:
    watched.client(introduced(call, 1, "a"))
    watched.client({"jsonrpc": "2.0", "method": "notifications/initialized"})
    (reply,) = watched.server(answer(1))
    assert (reply.era, reply.era_evidence, reply.protocol_version) == ("modern", "_meta", "2026-07-28")


def test_what_a_transport_adds_wins(watched: Any, call: Build) -> None:
    (message,) = watched.observer.read(CLIENT, orjson.dumps(call(1)) + b"\n", NOW)
    extra = {"principal": {"kind": "token", "id": "t"}, "action": "blocked", "policy": ["tool-not-allowed"]}
    event = watched.event(watched.describer.message(message, NOW, extra=extra))
    assert (event.principal.kind, event.action, event.policy) == ("token", "blocked", ("tool-not-allowed",))


def test_a_connection_that_moves_has_another_head(watched: Any, call: Build) -> None:
    (before,) = watched.client(call(1))
    watched.describer.relocate(replace(watched.describer.connection, workload="pod-2"))
    (after,) = watched.client(call(2))
    assert [before.workload, after.workload] == ["pod-1", "pod-2"]


def test_the_shape_of_a_message_is_told(watched: Any, call: Build) -> None:
    (event,) = watched.client(call(1, a="xyz", b=[1, {"c": "a longer text"}]))
    assert (event.shape.depth, event.shape.scalars, event.shape.longest) == (5, 7, len("a longer text"))


@pytest.mark.parametrize("size", [300_000, 600_000])
def test_the_shape_of_a_large_message_is_told_as_far_as_it_is_read(watched: Any, call: Build, size: int) -> None:
    (event,) = watched.client(call(1, a="x" * size))
    assert (event.shape.depth, event.shape.scalars, event.shape.longest) == (3, 5, size)
    (wide,) = watched.client(call(2, a=["12"] * (size // 4)))
    assert wide.shape.scalars == min(65_536, size // 4 + 4)
    assert ("partly-scanned" in wide.anomalies) == (size // 4 + 4 > 65_536)


def test_a_retry_and_a_replay_have_the_digest_of_the_first_try(watched: Any, call: Build) -> None:
    first, replay, retry, other = call(1, a="x", b=1), call(2, b=1, a="x"), call(3, a="x", b=1), call(4, a="y", b=1)
    retry["params"] |= {"requestState": "s", "inputResponses": {}, "_meta": {"x": 1}}
    digests = [event.arguments_digest for event in watched.client(first, replay, retry, other)]
    assert digests[0] is not None
    assert [digest == digests[0] for digest in digests] == [True, True, True, False]


def test_a_request_without_parameters_to_compare_has_no_such_digest(watched: Any) -> None:
    (event,) = watched.client({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
    assert event.arguments_digest is None
