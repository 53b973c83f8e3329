"""What is read lazily is what is read in full: taken or refused alike, and the same on its way out."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import Any, get_args

import pytest
from event_strategies import events_of
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models import lazy, wire
from triptych.models.errors import WireError
from triptych.models.events import (
    ArgumentFact,
    Call,
    CallRef,
    Effect,
    ExecutionBatch,
    ExecutionEvent,
    ExecutionKind,
    Principal,
    ProtocolEvent,
    Server,
)
from triptych.models.lazy import LazyBatch, LazyCall, LazyMessage
from triptych.models.lazy_effects import array, head_of, option, text
from triptych.models.lazy_events import Body, LazyEvent

CODEC = wire.bundled()
PASSED_ON = (
    *("kind", "mono_ns", "pid", "comm", "path", "path_source", "flags", "result", "address", "port", "protocol"),
    *("bytes_out", "bytes_in", "arguments", "binding", "count", "detail"),
)
KEPT = (
    *("event_id", "workload", "correlation_id", "call_id", "wall_ns", "mono_ns", "boot_id", "host", "cluster"),
    *("key_id", "conversation", "conversation_source", "era", "tool", "parent_span_id", "is_error", "error_code"),
    "anomalies",
)
RAW = ("principal", "server", "arguments", "secrets", "result", "tools")


def lazily(event: Any) -> Any:
    kind = LazyBatch if isinstance(event, ExecutionBatch) else LazyMessage
    return CODEC.decode(CODEC.encode(event), kind)


def call(message: LazyMessage, *effects: bytes) -> LazyCall:
    """The call that a message would be with these effects."""
    made = LazyCall()
    for name in (*KEPT, *RAW):
        setattr(made, name, getattr(message, name))
    made.effects = array(len(effects), effects)
    return made


def written(event: LazyEvent, **said: Any) -> bytes:
    """The effect that an event is for a call."""
    values = {"candidates": (), "sensitivity": None, "destination": None, "source": "batch#0", **said}
    head = head_of(event, values["wall_ns"], event.body.binding, values["candidates"], event.body.evidence)
    tail = option(values["sensitivity"]) + option(values["destination"]) + event.body.last
    return head + b"\1" + tail + text(values["source"])


def effects(batch: LazyBatch, **said: Any) -> tuple[Effect, ...]:
    out = call(LazyMessage(), *(written(event, **said) for event in batch.events))
    return CODEC.decode(CODEC.encode(out), Call).effects


@given(
    events_of(ExecutionBatch), st.integers(0, 2**62), st.lists(st.text(max_size=80), max_size=2), st.text(max_size=80)
)
def test_an_effect_has_what_its_event_has(
    batch: ExecutionBatch, wall_ns: int, candidates: list[str], told: str
) -> None:
    said = {"wall_ns": wall_ns, "candidates": tuple(candidates), "sensitivity": told, "destination": None}
    expected = [
        Effect(**{name: getattr(event, name) for name in PASSED_ON}, **said, evidence=event.evidence, declared=True,
               source="batch#0")  # type: ignore[arg-type]
        for event in batch.events
    ]  # fmt: skip
    assert effects(lazily(batch), **said) == tuple(expected)


@given(events_of(ExecutionBatch))
def test_what_the_join_looks_at_is_read(batch: ExecutionBatch) -> None:
    read = lazily(batch)
    assert (read.event_id, read.wall_ns, read.envelope.calls) == (batch.event_id, batch.wall_ns, batch.calls)
    for event, full in zip(read.events, batch.events, strict=True):
        body = event.body
        assert (event.mono_ns, body.calls, body.binding) == (full.mono_ns, full.calls, full.binding)
        assert (body.path, body.address, body.stands_for) == (full.path, full.address, max(1, full.count))
        assert all(text(digest) in body.digests for digest in full.digests)


NUMBERS = st.sampled_from([0, 63, 64, 8191, 8192, 2**31 - 1])


def of_one_file(n: int, length: int) -> ExecutionEvent:
    """Differs with `n` in what was opened, in what follows, and in what stands before."""
    facts: dict[str, Any] = {
        "result": n,
        "inode": n,
        "bytes_out": n % 2,
        "digests": ("d" * 32,) * (n % 2),
        "count": n % 5,
    }
    return ExecutionEvent(kind="open", comm="c", path="p" * length, calls=(0,) * (n % 3), **facts)


@given(st.lists(NUMBERS, min_size=2, max_size=6), st.sampled_from([3, 70, 9000]))
def test_a_body_seen_before_is_told_from_one_that_only_begins_alike(numbers: list[int], length: int) -> None:
    events = [of_one_file(n, length) for n in chain(numbers, numbers)]
    reader = wire.bundled()
    for event in events:
        batch = ExecutionBatch(events=(event,))
        read = reader.decode(reader.encode(batch), LazyBatch)
        (effect,) = effects(read, wall_ns=1)
        assert {name: getattr(effect, name) for name in PASSED_ON} == {name: getattr(event, name) for name in PASSED_ON}
        assert read.events[0].body.calls == event.calls


def test_bodies_are_remembered_in_bounds_whatever_their_kind() -> None:
    reader = wire.bundled()

    def body(*events: ExecutionEvent) -> Body:
        return reader.decode(reader.encode(ExecutionBatch(events=events)), LazyBatch).events[0].body

    opened = ExecutionEvent(kind="open", comm="c", path="/first")
    first = body(opened)
    assert body(opened) is first
    for kind in get_args(ExecutionKind):
        body(*(ExecutionEvent(kind=kind, comm="c", path=f"/{number}") for number in range(1_000)))
    assert body(opened) is not first


@given(events_of(ProtocolEvent))
def test_a_message_goes_into_its_call_as_it_was_said(message: ProtocolEvent) -> None:
    read = lazily(message)
    out = CODEC.decode(CODEC.encode(call(read)), Call)
    assert {name: getattr(out, name) for name in (*KEPT, *RAW)} == {
        name: getattr(message, name) for name in (*KEPT, *RAW)
    }
    assert [(one.pointer, one.kind, one.digests) for one in read.named] == [
        (one.pointer, one.kind, one.digests) for one in message.arguments
    ]


def test_a_message_of_nobody_is_the_empty_event() -> None:
    out = CODEC.decode(CODEC.encode(call(LazyMessage())), Call)
    assert (out.principal, out.server, out.arguments, out.result, out.tools) == (Principal(), Server(), (), None, ())


def accepts(data: bytes, kind: Any) -> bool:
    try:
        CODEC.decode(data, kind)
    except WireError:
        return False
    return True


FULL_BATCH = ExecutionBatch(
    event_id="b", calls=(CallRef(call_id="c"),), events=tuple(
        ExecutionEvent(kind=kind, mono_ns=10**15, pid=70, comm="cömm", calls=(0,), path=path, address="::1", port=70,
                       arguments=("ä", "b"), digests=("d",), count=1)
        for kind, path in (("open", "/é/x"), ("flow", None), ("open", "/é/x"))
    ),
)  # fmt: skip
FULL_MESSAGE = ProtocolEvent(
    event_id="m", anomalies=("ä",), capabilities=("ö",), latency_ns=5, arguments=(ArgumentFact(digests=("d",)),)
)


@settings(max_examples=300)
@given(st.sampled_from([FULL_BATCH, FULL_MESSAGE]), st.data())
def test_spoilt_bytes_are_refused_by_both_or_by_none(event: Any, data: st.DataObject) -> None:
    body = bytearray(CODEC.encode(event))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(5, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.sampled_from([len(body), len(body) - 1, len(body) // 2]))])
    kind = LazyBatch if isinstance(event, ExecutionBatch) else LazyMessage
    assert accepts(cut, kind) == accepts(cut, type(event))


def test_an_array_of_several_blocks_is_read_too() -> None:
    whole = CODEC.encode(replace(FULL_BATCH, events=FULL_BATCH.events[:1]))
    empty = CODEC.encode(replace(FULL_BATCH, events=()))
    one = whole[len(empty) :][:-1]  # the event between its count and the end
    split = empty[:-1] + b"\x02" + one + b"\x02" + one + b"\x00"
    assert CODEC.decode(split, ExecutionBatch).events == (FULL_BATCH.events[0],) * 2
    assert len(CODEC.decode(split, LazyBatch).events) == 2


def test_an_older_version_and_a_foreign_schema_are_read_lazily_too() -> None:
    older = wire.bundled()
    schema = json.loads((wire.SCHEMAS / "history" / "triptych.ProtocolEvent@1.avsc").read_text())
    writer = wire.Codec()
    writer.add(1001, schema, current=True)
    data = writer.encode(FULL_MESSAGE)
    assert older.decode(data, LazyMessage).anomalies == ("ä",)
    batches = json.loads((wire.SCHEMAS / "triptych.ExecutionBatch.avsc").read_text())
    older.learn(77, batches)
    foreign = b"\0" + (77).to_bytes(4, "big") + CODEC.encode(FULL_BATCH)[5:]
    assert len(older.decode(foreign, LazyBatch).events) == 3


@pytest.mark.parametrize(("data", "code"), [(b"junk", "W01"), (CODEC.encode(Call()), "W04"), (b"\0\0\0\0\7", "W02")])
def test_what_is_another_event_is_refused_with_its_code(data: bytes, code: str) -> None:
    for kind in (LazyBatch, LazyMessage):
        with pytest.raises(WireError) as caught:
            CODEC.decode(data, kind)
        assert caught.value.code == code


def test_a_layout_that_is_not_known_is_refused() -> None:
    batch, called, message = (
        json.loads((wire.SCHEMAS / f"triptych.{name}.avsc").read_text())
        for name in ("ExecutionBatch", "Call", "ProtocolEvent")
    )
    batch["fields"][-1]["type"]["items"]["fields"].reverse()
    with pytest.raises(ValueError, match="another way"):
        lazy.batch_reader(batch)
    next(field for field in called["fields"] if field["name"] == "server")["type"]["fields"].pop()
    with pytest.raises(ValueError, match=r"\['server'\]"):
        lazy.call_writer(called, message)
