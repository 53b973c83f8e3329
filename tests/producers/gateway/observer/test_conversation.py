"""What observers of one conversation share, and how detectors watch it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.observer.conversation import Conversation, Ledgers
from triptych.producers.gateway.observer.framing import Frame
from triptych.producers.gateway.observer.ledger import Ledger
from triptych.producers.gateway.observer.observe import CLIENT, SERVER, Message, Observer

Build = Callable[..., dict[str, Any]]
NOW = Now(1, 2)


class Notes:
    """Remembers what it saw; raises on replies."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def request(self, message: Message) -> None:
        self.seen.append("request")
        message.note("odd", "because of \x1b[2J" + "x" * 500)
        message.facts["task_digest"] = "d"

    def reply(self, message: Message) -> None:
        self.seen.append("reply")
        raise RuntimeError("a detector that fails")

    def notification(self, message: Message) -> None:
        self.seen.append("notification")


def frame(body: dict[str, Any]) -> Frame:
    data = orjson.dumps(body)
    return Frame(data, 0, len(data))


def observer(keyring: Any, shared: Conversation, ledgers: Ledgers | None = None) -> Observer:
    numbers = iter(range(1000))
    return Observer(
        keyring,
        ("c", "process"),
        lambda: f"id-{next(numbers)}",
        lambda: "t",
        1000,
        shared=shared,
        ledgers=ledgers,
    )


def test_a_watcher_sees_every_kind_of_message_and_its_word_is_in_the_event(
    watch: Any, call: Build, answer: Build
) -> None:
    notes = Notes()
    watched = watch(watchers=[notes])
    (request,) = watched.client(call(1))
    watched.client({"jsonrpc": "2.0", "method": "x"}, b"no message\n")
    (reply,) = watched.server(answer(1))
    assert notes.seen == ["request", "notification", "reply"]
    assert (request.anomalies, request.task_digest) == (("odd",), "d")
    assert [(one.about, len(one.detail), one.detail.isprintable()) for one in request.evidence] == [("odd", 128, True)]
    assert (reply.kind, reply.anomalies) == ("response", ())
    assert watched.observer.shared.failures == {"watcher-Notes": 1}


def test_evidence_is_bounded(watched: Any, call: Build) -> None:
    (message,) = watched.observer.read(CLIENT, orjson.dumps(call(1)) + b"\n", NOW)
    for number in range(100):
        message.note(f"odd-{number}", "detail")
    assert len(watched.event(watched.describer.message(message, NOW)).evidence) == 16


def test_what_a_call_carries_is_in_all_its_events(watched: Any, call: Build, answer: Build) -> None:
    (message,) = watched.observer.read(CLIENT, orjson.dumps(call(1)) + b"\n", NOW)
    message.call.facts = {"root_call_id": "root"}
    (reply,) = watched.server(answer(1))
    assert reply.root_call_id == "root"


def test_a_tracker_decides_at_once_when_a_call_ends(keyring: Any, call: Build, answer: Build) -> None:
    class Tasks(Notes):
        def reply(self, message: Message) -> None:
            message.ends = None

    shared = Conversation(trackers=[Tasks()])
    one = observer(keyring, shared)
    (begun,) = one.frame(CLIENT, frame(call(1)), NOW)
    (ended,) = one.frame(SERVER, frame(answer(1)), NOW)
    assert (ended.call, ended.ends) == (begun.begins, None)


def test_a_reply_on_another_connection_of_the_conversation_finds_its_request(
    keyring: Any, call: Build, answer: Build
) -> None:
    shared = Conversation()
    asking, answering = observer(keyring, shared), observer(keyring, shared)
    (request,) = asking.frame(CLIENT, frame(call(1)), NOW)
    (reply,) = answering.frame(SERVER, frame(answer(1)), NOW)
    assert reply.call is request.call
    assert answering.close() == []


def test_exchanges_with_ids_of_their_own_are_in_flight_together(keyring: Any, call: Build, answer: Build) -> None:
    shared, active = Conversation(), {}  # type: ignore[var-annotated]
    first, second = (observer(keyring, shared, Ledgers(Ledger(active))) for _ in range(2))
    (one,) = first.frame(CLIENT, frame(call(1)), NOW)
    (two,) = second.frame(CLIENT, frame(call(1)), NOW)
    two.call.call_id = "of the second"  # the two count alike
    assert two.shape.anomalies == set()
    assert (len(one.call.in_flight), len(two.call.in_flight)) == (1, 1)
    (reply,) = first.frame(SERVER, frame(answer(1)), NOW)
    assert reply.call is one.call


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}


def modern(call: Build, number: int, client: object) -> dict[str, Any]:
    return call(number, meta=MODERN | {"io.modelcontextprotocol/clientInfo": client})


def test_an_introduction_that_repeats_is_read_once(keyring: Any, call: Build) -> None:
    one = observer(keyring, Conversation())
    claims = []
    for number, name in enumerate(["a", "a", "b", "a"]):
        one.frame(CLIENT, frame(modern(call, number, {"name": name, "version": "1"})), NOW)
        claims.append(one.claims)
    assert claims[0] is claims[1]
    assert [known.client for known in claims] == ["a 1", "a 1", "b 1", "a 1"]


@pytest.mark.parametrize("depth", [200, 600, *range(900, 1000, 7)])
def test_introductions_that_nest_deep_lose_no_message(watched: Any, call: Build, depth: int) -> None:
    nested = b'{"name":"n","x":' + b"[" * depth + b"]" * depth + b"}"
    line = orjson.dumps(modern(call, 1, "DEEP")).replace(b'"DEEP"', nested) + b"\n"
    events = [event for _ in range(3) for event in watched.client(line)]
    assert [event.kind for event in events] == ["request"] * 3
