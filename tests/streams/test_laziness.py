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
from triptych.models.events import Call, Effect, Event, ExecutionBatch, ExecutionEvent, ProtocolEvent
from triptych.models.wire import bundled
from triptych.producers.sensor.replay import replay

COPIED = ("kind", "mono_ns", "pid", "comm", "path", "path_source", "flags", "result", "address", "port", "protocol",
          "bytes_out", "bytes_in", "arguments", "count")  # fmt: skip
DECIDED = ("binding", "candidates", "evidence", "source", "sensitivity", "destination")
OF_REQUEST = ("conversation", "conversation_source", "era", "tool", "parent_span_id", "principal", "server",
              "arguments", "mono_ns", "boot_id", "host", "cluster", "key_id")  # fmt: skip


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
            assert call.secrets == requests[0].secrets + next((reply.secrets for reply in replies), ())


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
                story.replace(one, path=data.draw(paths) or None, comm=data.draw(comms), pid=data.draw(pids))
                for one in event.events * data.draw(st.integers(1, 3))
            ]
            history.append(story.replace(event, events=tuple(facts)))
        else:
            argument = story.argument(data.draw(paths))
            history.append(story.replace(event, arguments=(argument,) if event.kind == "request" else ()))
    in_full, played = InFull(history), story.play(history)
    for call in played.written:
        in_full.check(call)
    assert {effect.source for call in played.written for effect in call.effects} == in_full.effects.keys()
