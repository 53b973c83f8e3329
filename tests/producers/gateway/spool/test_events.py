"""Heads and fields back to events: nothing is lost, nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.spool.events import NO_EVENT, Events
from triptych.producers.gateway.spool.record import HEAD, dump, head

NAMES = [field.name for field in fields(ProtocolEvent)]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
NUMBER = st.integers(-(2**63), 2**63 - 1)
PLAIN = {str: TEXT, int: NUMBER, bool: st.booleans(), type(None): st.none()}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Everything that a field of this type can hold."""
    if is_dataclass(hint):
        return st.builds(hint, **{name: values(inner) for name, inner in get_type_hints(hint).items()})
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=2).map(tuple)
    return PLAIN[hint] if hint in PLAIN else st.one_of(map(values, get_args(hint)))


EVENTS = values(ProtocolEvent)
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def read(number: int, shared: dict[str, Any], own: dict[str, Any]) -> ProtocolEvent:
    events = Events()
    events.learn(head(number, shared).record)
    return events.read(dump({"head": number, **own}))


@given(EVENTS)
@settings(max_examples=30)
def test_a_whole_event_comes_back_as_it_was(event: ProtocolEvent) -> None:
    assert Events().read(dump(event)) == event


@given(EVENTS, st.sets(st.sampled_from(NAMES)))
@settings(max_examples=30)
def test_however_an_event_is_split_between_head_and_fields_it_comes_back(
    event: ProtocolEvent, shared: set[str]
) -> None:
    plain = asdict(event)
    common = {name: value for name, value in plain.items() if name in shared}
    assert read(7, common, {name: value for name, value in plain.items() if name not in shared}) == event


@given(EVENTS)
@settings(max_examples=30)
def test_what_is_left_out_has_its_default(event: ProtocolEvent) -> None:
    plain, usual = asdict(event), asdict(ProtocolEvent())
    told = {name: value for name, value in plain.items() if value != usual[name] or name == "event_id"}
    assert read(1, {}, told) == event


def test_a_field_wins_over_the_head() -> None:
    assert read(1, {"host": "a", "event_id": "x"}, {"host": "b"}).host == "b"


def test_the_same_record_has_the_same_id_and_another_one_another() -> None:
    def event_id(**own: Any) -> str:
        return read(1, {"producer": "gateway:a"}, {"wall_ns": 1_800_000_000_000_000_000, "sequence": 1} | own).event_id

    others = [event_id(sequence=2), event_id(producer="gateway:b"), event_id(wall_ns=1_800_000_000_001_000_000)]
    assert event_id() == event_id()
    assert len({event_id(), *others}) == 4
    assert all(map(UUID7.fullmatch, [event_id(), *others]))
    assert others[2] > event_id()


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b'"event_id"',
        b"{}",
        b'{"event_id":1}',
        b'{"event_id":"x","unknown":1}',
        b'{"event_id":"x","size":"1"}',
        b'{"event_id":"x","size":true}',
        b'{"event_id":"x","size":1.0}',
        b'{"event_id":"x","direction":"up"}',
        b'{"event_id":"x","principal":null}',
        b'{"event_id":"x","principal":{"id":7}}',
        b'{"event_id":"x","arguments":{}}',
        b'{"event_id":"x","arguments":[{"value":"v"}]}',
        b'{"head":9,"event_id":"x"}',
        b'{"head":[],"event_id":"x"}',
        b'{"head":1,"wall_ns":"x"}',
        b'{"head":1,"sequence":1}',
    ],
)
def test_what_is_no_event_is_refused(record: bytes) -> None:
    events = Events()
    events.learn(head(1, {"host": "a"}).record)
    with pytest.raises(NO_EVENT):
        events.read(record)


@pytest.mark.parametrize(
    "record",
    [
        b'{"format":3,"head":1,"fields":{}}',
        b'{"format":2,"head":1}',
        b'{"format":2,"head":1,"fields":{"unknown":1}}',
        b'{"format":2,"head":1,"fields":[]}',
        b'{"format":2,"head":{},"fields":{}}',
        b'{"format":',
    ],
)
def test_what_is_no_head_of_this_format_is_refused(record: bytes) -> None:
    assert record.startswith(HEAD)
    with pytest.raises(NO_EVENT):
        Events().learn(record)


def test_more_heads_than_are_kept_ready_are_still_known() -> None:
    events = Events()
    for number in range(600):
        events.learn(head(number, {"host": str(number)}).record)
    found = [events.read(dump({"head": number, "event_id": "x"})).host for number in (*range(600), 0)]
    assert found == [*map(str, range(600)), "0"]


@given(st.binary(max_size=40) | st.recursive(st.none() | TEXT | NUMBER, st.lists, max_leaves=3).map(orjson.dumps))
def test_no_bytes_raise_anything_else(record: bytes) -> None:
    events = Events()
    for step in (events.read, events.learn):
        with pytest.raises(NO_EVENT):
            step(record)
