"""The shipped recording of real servers, real kernel events and attacks, as a broker would hold it: what an audit needs
is in it, each category in the topic that the README names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triptych.infra import audit
from triptych.infra.audit.categories import CATEGORIES, Category, categories_of
from triptych.infra.demo.recording import SHIPPED, read
from triptych.infra.loading import load, set_flags
from triptych.infra.replay.folder import Folder
from triptych.infra.replay.recorded import Recorded
from triptych.infra.replay.recording import Recording
from triptych.infra.replay.replaying import History, Judges
from triptych.infra.replay.replaying import replay as judged
from triptych.models import topics, wire
from triptych.models.digest import Keyring
from triptych.models.events import Alert, Call, ExecutionBatch, ProtocolEvent
from triptych.producers.sensor.replay import replay

CODEC = wire.bundled()
KIND: dict[str, type[Any]] = {topics.PROTOCOL: ProtocolEvent, topics.EXECUTION: ExecutionBatch, topics.ALERTS: Alert}
MS = 1_000_000


def blocked(event: ProtocolEvent) -> ProtocolEvent:
    """The same request where a policy forbids its tool."""
    return replace(event, event_id=f"{event.event_id}/blocked", action="blocked", policy=("tool_not_allowed",))


def observed(folder: Path) -> Iterator[tuple[str, Any]]:
    """What the producers sent from the first attack on, and one request that a policy blocked."""
    shipped = read(SHIPPED, folder)
    begun = min(at for _, _, at in shipped.about.attacks)
    decoded = ((record.topic, CODEC.decode(record.value)) for record in shipped.records)
    sent = [one for one in decoded if one[1].wall_ns >= begun]
    yield from sent
    asked = next(event for _, event in sent if isinstance(event, ProtocolEvent) and event.method == "tools/call")
    yield topics.PROTOCOL, blocked(asked)
    batches = replay(shipped.sensor, Keyring.of_file(shipped.key))
    yield from ((topics.EXECUTION, batch) for batch in batches if batch.wall_ns >= begun)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Category]]:
    """The categories of each topic."""
    folder = tmp_path_factory.mktemp("audit")
    events = sorted(observed(folder / "story"), key=lambda one: one[1].wall_ns)
    with Folder(folder / "held") as held:
        for offset, (topic, event) in enumerate(events):
            value = CODEC.encode(event)
            at = event.wall_ns // MS
            held.add(
                Recorded(topic=topic, partition=0, offset=offset, timestamp=at, timestamp_type=0, key=b"w", value=value)
            )
    history = History(recording=Recording(folder / "held"), joined=False)
    networks = ["networks.outside=127.0.0.0/8"]
    alerts = judged(load(None, set_flags(networks)).settings, history, Judges(), lambda _: None).alerts
    categories: dict[str, set[Category]] = {topics.ALERTS: set()}
    for alert in alerts.values():
        categories[topics.ALERTS] |= categories_of(alert)
    for topic, event in events:
        if isinstance(event, ProtocolEvent | ExecutionBatch):
            categories.setdefault(topic, set()).update(categories_of(event))
    return categories


def documented() -> Iterator[tuple[Category, list[str]]]:
    """The README's table: a category, the topics where it is found."""
    page = (Path(audit.__file__).parent / "README.md").read_text()
    for category in CATEGORIES:
        row = re.search(rf"^\| {category} \|([^|]*)\|", page, re.MULTILINE)
        assert row is not None, f"{category} stands in no row"
        yield category, re.findall(r"`(mcp\.[a-z.]+)`", row[1])


@pytest.mark.parametrize(("category", "named"), list(documented()), ids=CATEGORIES)
def test_each_category_is_found_where_the_readme_says(
    category: Category, named: list[str], found: dict[str, set[Category]]
) -> None:
    recorded = [topic for topic in named if topic in found]
    assert recorded
    assert [topic for topic in recorded if category not in found[topic]] == []


def test_a_heartbeat_is_evidence_of_nothing() -> None:
    assert categories_of(ExecutionBatch(status="heartbeat")) == frozenset()
    assert categories_of(Call()) == frozenset()
