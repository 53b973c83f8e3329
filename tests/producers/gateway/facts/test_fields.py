"""The dictionaries a wrapper writes and the events a shipper makes of them have the same fields."""

from __future__ import annotations

from dataclasses import fields

import pytest

from triptych.models import events
from triptych.producers.gateway.facts import fields as written

MADE_BY_THE_SHIPPER = {"event_id"}
PARTS = {
    events.ArgumentFact: written.ArgumentFields,
    events.SecretFact: written.SecretFields,
    events.ResultFact: written.ResultFields,
    events.Principal: written.PrincipalFields,
    events.Server: written.ServerFields,
    events.StreamSpan: written.SpanFields,
    events.PayloadShape: written.ShapeFields,
    events.ToolDefinition: written.ToolFields,
    events.SqlFact: written.SqlFields,
    events.Listing: written.ListingFields,
    events.Evidence: written.EvidenceFields,
}


def test_an_event_is_written_with_the_fields_of_its_schema_and_its_head() -> None:
    wanted = {field.name for field in fields(events.ProtocolEvent)} - MADE_BY_THE_SHIPPER
    assert written.EventFields.__annotations__.keys() == wanted | {"head"}


@pytest.mark.parametrize(("event", "plain"), PARTS.items(), ids=lambda kind: kind.__name__)
def test_a_part_is_written_with_the_fields_of_its_schema(event: type, plain: type) -> None:
    assert plain.__annotations__.keys() == {field.name for field in fields(event)}
