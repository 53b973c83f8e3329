from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE_S
from rich.console import Console
from typer.testing import CliRunner

from triptych.infra import brokers, incidents
from triptych.infra.cli.main import app
from triptych.infra.cli.options import Options
from triptych.infra.errors import BrokerError
from triptych.infra.incident_view import render_incident, render_incidents
from triptych.infra.settings import Kafka
from triptych.models.events import TimelineEntry
from triptych.models.incidents import ocsf
from triptych.models.incidents.incident import Incident, assemble, merged
from triptych.models.incidents.member import Member

START_NS = 1_790_000_000_000_000_000


def member(name: str, at_s: int = 0, **values: Any) -> Member:
    began = START_NS + at_s * 10**9
    entry = TimelineEntry(wall_ns=began, layer="execution", title=f"{name} sent 9 B to [b]x[/b]", notable=True)
    told: dict[str, Any] = {
        "uid": f"trp-{name}", "sequence": 1, "title": f"theft by {name}", "severity": "critical", "risk": 97.0,
        "started_ns": began, "ended_ns": began, "timeline": (entry,), "cluster": "east", "host": "h1", "server": name,
    }  # fmt: skip
    return Member(**{**told, **values})


WHOLE = assemble([member("files"), member("mail", 4_000, cluster="west", host="h2")], tenant="acme")


def document(incident: Incident) -> bytes:
    return ocsf.render(incident, tenant="acme")


@pytest.fixture(scope="module")
def broker() -> Iterator[brokers.Broker]:
    """A broker with two revisions of one incident, one that became a part of it, another one, and one bad record."""
    alone = assemble([member("mail", 4_000)], tenant="acme")
    other = assemble([member("other", 9, severity="low")], tenant="acme")
    part = merged(alone.uid, WHOLE)
    with brokers.start(Kafka()) as started:
        producer = Producer(started.client())
        told = [assemble([member("files")], tenant="acme"), alone, WHOLE, part, replace(alone, revision=9), other]
        for incident in told:
            producer.produce("mcp.incidents.ocsf", document(incident), key=incident.uid)
        producer.produce("mcp.incidents.ocsf", b"no incident")
        producer.produce("mcp.incidents.ocsf", b'{"unmapped": []}')
        assert producer.flush(PATIENCE_S) == 0
        yield started


@pytest.fixture
def inbox(broker: brokers.Broker) -> incidents.IncidentInbox:
    return incidents.IncidentInbox(broker.client())


def test_each_incident_comes_once_in_its_newest_revision_and_a_part_stays_a_part(inbox: Any) -> None:
    found = {one["unmapped"]["mcp"]["incident"]["uid"]: one for one in inbox.read()}
    assert len(found) == 3
    assert found[WHOLE.uid]["unmapped"]["mcp"]["incident"]["revision"] == 2
    assert [one["unmapped"]["mcp"]["incident"]["merged_into"] for one in found.values()].count(WHOLE.uid) == 1
    assert inbox.unreadable == 2


def test_the_beginning_of_an_id_is_enough_where_it_is_clear(inbox: Any) -> None:
    asked, shown = incidents.find(inbox, WHOLE.uid[:12])
    assert (shown["count"], asked is shown) == (2, True)
    with pytest.raises(incidents.IncidentError, match="A04"):
        incidents.find(inbox, "inc-")
    with pytest.raises(incidents.IncidentError, match="A03"):
        incidents.find(inbox, "inc-none")
    with pytest.raises(incidents.IncidentError, match="A03"):
        incidents.find(inbox, "")


def test_an_incident_that_became_a_part_leads_to_the_whole(inbox: Any, broker: brokers.Broker) -> None:
    part = assemble([member("mail", 4_000)], tenant="acme").uid
    asked, whole = incidents.find(inbox, part)
    assert (incidents.name_of(asked), incidents.name_of(whole)) == (part, WHOLE.uid)
    words = ["--set", f"kafka.bootstrap={broker.bootstrap}", "incident", "show", part]
    result = CliRunner().invoke(app, words, obj=Options())
    assert (f"{part} is part of {WHOLE.uid}" in result.stderr, WHOLE.uid in result.stdout) == (True, True)


HOSTILE: list[Any] = [5, "\x1b[31m", None, [], {}, [5], [{"time": "x"}], {"x": [1]}, -1, 1 << 60, True, 0.5]


@given(st.data())
def test_whatever_somebody_else_writes_to_the_topic_is_no_incident_or_can_be_shown(data: st.DataObject) -> None:
    told = orjson.loads(document(WHOLE))
    mcp = told["unmapped"]["mcp"]
    places = (told, told["unmapped"], mcp, mcp["incident"], mcp["timeline"][0], told["finding_info_list"][0])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places))
        place[data.draw(st.sampled_from(sorted(place)))] = data.draw(st.sampled_from(HOSTILE))
    if incidents.is_incident(told):
        for rendered in (
            render_incidents(incidents.newest([told, orjson.loads(document(WHOLE))])),
            render_incident(told),
        ):
            assert "\x1b" not in shown(rendered)


def test_mergers_that_lead_in_a_circle_end() -> None:
    one, other = (assemble([member(name)], tenant="acme") for name in ("one", "other"))
    circle = {a.uid: orjson.loads(document(merged(a.uid, b))) for a, b in ((one, other), (other, one))}
    assert incidents._whole(circle[one.uid], circle)


def test_without_the_topic_the_broker_is_named(broker: brokers.Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.infra.reading._TIMEOUT_S", 0.5)
    with pytest.raises(BrokerError, match="K13"):
        incidents.IncidentInbox({**broker.client(), "bootstrap.servers": "127.0.0.1:1"}).read()


def shown(rendered: Any, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(rendered)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_view_shows_one_timeline_over_clusters_and_takes_no_markup() -> None:
    text = shown(render_incident(orjson.loads(document(WHOLE))))
    assert "2 findings on 2 servers, 2 hosts, 2 clusters" in text
    assert text.index("east/h1/files") < text.index("west/h2/mail")
    assert "[b]x[/b]" in text
    assert "+1:06:40" in text
    assert "CRITICAL" in text


def test_the_list_says_which_incident_is_part_of_which() -> None:
    listed = [orjson.loads(document(one)) for one in (WHOLE, merged("inc-0123456789abcdef", WHOLE))]
    text = shown(render_incidents(listed), 140)
    assert f"part of {WHOLE.uid}" in text


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--json"], ["show", WHOLE.uid], ["show", "--json", WHOLE.uid]]
)
def test_the_command_reads_the_broker_of_the_settings(arguments: list[str], broker: brokers.Broker) -> None:
    words = ["--set", f"kafka.bootstrap={broker.bootstrap}", "incident", *arguments]
    result = CliRunner().invoke(app, words, obj=Options())
    assert result.exit_code == 0, result.output
    assert WHOLE.uid in result.stdout
