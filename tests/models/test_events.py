"""Events are facts: frozen, without surprises in their defaults."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from triptych.models import events

RECORDS = [kind for kind in vars(events).values() if isinstance(kind, type) and is_dataclass(kind)]


@pytest.mark.parametrize("kind", RECORDS)
def test_a_fact_cannot_be_changed_afterwards(kind: type) -> None:
    event = kind()
    with pytest.raises(FrozenInstanceError):
        setattr(event, fields(kind)[0].name, None)
    assert not hasattr(event, "__dict__")


@pytest.mark.parametrize("kind", RECORDS)
def test_an_enumeration_starts_at_one_of_its_words(kind: type) -> None:
    hints = get_type_hints(kind)
    words = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
    assert {name: getattr(kind(), name) in allowed for name, allowed in words.items()} == dict.fromkeys(words, True)


def test_every_event_is_a_member_of_the_union() -> None:
    assert set(get_args(events.Event)) == {
        events.ProtocolEvent, events.ExecutionBatch, events.AgentSpan, events.Call, events.Alert, events.DeadLetter
    }  # fmt: skip
