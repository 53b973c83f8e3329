"""What stage 1 writes from records read lazily is what the records say when they are read in full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.demo.recording import SHIPPED, read
from triptych.models.digest import Keyring
from triptych.models.events import (
    Authorization,
    Call,
    Effect,
    Event,
    Evidence,
    ExecutionBatch,
    ExecutionDetail,
    ExecutionEvent,
    HttpFact,
    Listing,
    Peer,
    ProtocolEvent,
    SqlFact,
)
from triptych.models.wire import bundled
from triptych.producers.sensor.replay import replay

COPIED = ("kind", "mono_ns", "pid", "comm", "path", "path_source", "flags", "result", "address", "port", "protocol",
          "bytes_out", "bytes_in", "arguments", "count", "detail")  # fmt: skip
DECIDED = ("binding", "candidates", "evidence", "source", "sensitivity", "destination")
OF_REQUEST = ("conversation", "conversation_source", "era", "tool", "parent_span_id", "principal", "server",
              "arguments", "mono_ns", "boot_id", "host", "cluster", "key_id", "claimed_client", "capabilities",
              "resource_digest", "arguments_digest", "authorization", "peer")  # fmt: skip
OF_REPLY = ("sql", "listing", "text_tags")
OF_EITHER = ("root_call_id", "request_state_digest", "task_digest", "http")


class InFull:
    """Every event and message of a history, read in full, and what a call has to say of them."""

    def __init__(self, history: Iterable[Event]) -> None:
        self.effects: dict[str, tuple[ExecutionBatch, ExecutionEvent]] = {}
        self.messages: dict[tuple[str, str], list[ProtocolEvent]] = {}
        for event in history:
            if isinstance(event, ExecutionBatch):
                told = {f"{event.event_id}#{index}": (event, one) for index, one in enumerate(event.events)}
                self.effects.update(told)
            elif isinstance(event, ProtocolEvent):
                self.messages.setdefault((event.call_id or event.event_id, event.kind), []).append(event)

    def effect(self, written: Effect, declared: frozenset[str]) -> Effect:
        batch, event = self.effects[written.source]
        facts = {name: getattr(event, name) for name in COPIED} | {name: getattr(written, name) for name in DECIDED}
        wall_ns = batch.wall_ns + event.mono_ns - batch.mono_ns if event.mono_ns and batch.mono_ns else batch.wall_ns
        return Effect(**facts, wall_ns=wall_ns, declared=not declared.isdisjoint(event.digests))

    def check(self, call: Call) -> None:
        requests = self.messages.get((call.call_id, "request"), []) if call.coverage.protocol else []
        declared = frozenset(digest for argument in call.arguments for digest in argument.digests)
        assert call.effects == tuple(self.effect(effect, declared) for effect in call.effects)
        assert list(call.effects) == sorted(call.effects, key=lambda effect: effect.mono_ns)
        if requests:
            said = [{name: getattr(request, name) for name in OF_REQUEST} for request in requests]
            assert {name: getattr(call, name) for name in OF_REQUEST} in said
            replies = self.messages.get((call.call_id, "response"), [])
            assert call.result in {reply.result for reply in replies} | {None}
            answers = [one for kind in ("response", "error") for one in self.messages.get((call.call_id, kind), [])]
            expected = [exchanged(request, reply) for request in requests for reply in (*answers, ProtocolEvent())]
            assert {name: getattr(call, name) for name in expected[0]} in expected


def exchanged(request: ProtocolEvent, reply: ProtocolEvent) -> dict[str, Any]:
    """What a call takes over from its reply, and from both."""
    either = {name: getattr(request, name) or getattr(reply, name) for name in OF_EITHER}
    both = {name: getattr(request, name) + getattr(reply, name) for name in ("secrets", "evidence")}
    blocked = "blocked" in (request.action, reply.action)
    return {
        **{name: getattr(reply, name) for name in OF_REPLY},
        **either,
        **both,
        "policy": tuple(sorted({*request.policy, *reply.policy})),
        "action": "blocked" if blocked else "forwarded",
    }


@pytest.fixture(scope="module")
def recorded() -> list[Event]:
    """The protocol and execution events of the shipped story, in order of time."""
    with tempfile.TemporaryDirectory() as folder:
        recording, codec = read(SHIPPED, Path(folder)), bundled()
        events: list[Any] = [codec.decode(record.value) for record in recording.records]
        events = [event for event in events if isinstance(event, ProtocolEvent)]
        events += replay(recording.sensor, Keyring.of_file(recording.key))
    return sorted(events, key=lambda event: event.wall_ns)


def test_the_recorded_story_gives_calls_that_say_what_its_events_say(story: Any, recorded: list[Event]) -> None:
    in_full, played = InFull(recorded), story.play(recorded)
    for call in played.written:
        in_full.check(call)
    told = {effect.source for call in played.written for effect in call.effects}
    dropped = sum(call.effects_dropped for call in played.calls.values())
    missing = [event for source, (_, event) in in_full.effects.items() if source not in told]
    assert sum(max(1, event.count) for event in missing) == dropped


DETAILS = st.none() | st.builds(
    ExecutionDetail,
    operation=st.sampled_from(["", "setns"]),
    via=st.sampled_from(["unknown", "io_uring"]),
    name=st.sampled_from([None, "a.example"]),
    links=st.sampled_from([-1, 0, 200]),
    layer=st.sampled_from(["unknown", "written"]),
    writable=st.sampled_from([None, True]),
    sha256=st.sampled_from([None, "0" * 64]),
)
SAID: dict[bool, list[dict[str, Any]]] = {
    True: [
        {},
        {
            "authorization": Authorization(scheme="bearer", scopes=("a", "b")),
            "peer": Peer(address="127.0.0.1", port=7),
            "http": HttpFact(method="POST", path="/mcp"),
            "policy": ("allow",),
            "evidence": (Evidence(about="allow", detail="x"),),
            "capabilities": ("roots",),
            "claimed_client": "c 1",
        },
    ],
    False: [
        {},
        {
            "sql": (SqlFact(statement="select", tables=("t",), rows=3),),
            "listing": Listing(first=True),
            "text_tags": ("bidi-control",),
            "task_digest": "d" * 32,
            "http": HttpFact(status=200),
            "policy": ("pins",),
            "action": "blocked",
            "evidence": (Evidence(about="pins", detail="y"),),
        },
    ],
}
HISTORY = """
    a  [--o--o--]
    b     [--o------o-]
    ?      u      u        u   h
    c             [--!
    d  o                 o
"""


@given(st.sampled_from(["granted", "none"]), st.data())
def test_generated_histories_give_calls_that_say_what_their_events_say(story: Any, lease: str, data: Any) -> None:
    paths = st.sampled_from(["/srv/app.toml", "/srv/secret/é", "x" * 70, ""])
    comms, pids = st.sampled_from(["sh", "é"]), st.integers(0, 2**31 - 1)
    history = []
    for event in story.timeline(HISTORY, lease=lease):
        if isinstance(event, ExecutionBatch):
            facts = [
                story.replace(
                    one,
                    path=data.draw(paths) or None,
                    comm=data.draw(comms),
                    pid=data.draw(pids),
                    detail=data.draw(DETAILS),
                )
                for one in event.events * data.draw(st.integers(1, 3))
            ]
            history.append(story.replace(event, events=tuple(facts)))
        else:
            argument = story.argument(data.draw(paths))
            told = data.draw(st.sampled_from(SAID[event.kind == "request"]))
            history.append(story.replace(event, arguments=(argument,) if event.kind == "request" else (), **told))
    in_full, played = InFull(history), story.play(history)
    for call in played.written:
        in_full.check(call)
    assert {effect.source for call in played.written for effect in call.effects} == in_full.effects.keys()
