"""What `topics apply` leaves on a real broker is what topics.toml says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from patience import PATIENCE_S

from triptych.infra import admin
from triptych.infra.errors import TopicError
from triptych.infra.topics import Topic, wanted

pytestmark = pytest.mark.broker


@pytest.fixture
def client(kafka: str) -> dict[str, str]:
    return {"bootstrap.servers": kafka}


@pytest.fixture
def topic(client: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Topic]:
    """A topic of this test alone, wanted but not there yet."""
    name = f"test.{request.node.name}"
    yield replace(wanted(4)[0], name=name)
    other = AdminClient(client)
    other.delete_topics([name])[name].result(PATIENCE_S)


def test_the_broker_holds_what_the_file_wants(client: dict[str, str]) -> None:
    changes = admin.inspect(client, wanted(4))
    assert {change.action for change in changes} == {"ok"}
    held = {(change.topic, change.setting): change.held for change in changes}
    days = {"mcp.protocol": 90, "mcp.agent": 90, "mcp.execution": 14, "mcp.alerts": 180, "mcp.alerts.ocsf": 180}
    assert {name: int(held[name, "retention.ms"]) for name in days} == {n: d * 86_400_000 for n, d in days.items()}


def test_applying_twice_changes_nothing(client: dict[str, str], topic: Topic) -> None:
    assert {change.action for change in admin.inspect(client, [topic])} == {"create"}
    first = admin.apply(client, [topic])
    assert {change.action for change in first} == {"ok"}
    assert admin.apply(client, [topic]) == first


def test_a_setting_somebody_changed_is_shown_and_put_right(client: dict[str, str], topic: Topic) -> None:
    admin.apply(client, [replace(topic, config={**topic.config, "retention.ms": "1000"})])
    drift = [change for change in admin.inspect(client, [topic]) if change.action != "ok"]
    assert [(change.setting, change.held, change.action) for change in drift] == [("retention.ms", "1000", "alter")]
    assert {change.action for change in admin.apply(client, [topic])} == {"ok"}


def test_partitions_grow_only_when_asked_and_never_shrink(client: dict[str, str], topic: Topic) -> None:
    other = AdminClient(client)
    other.create_topics([NewTopic(topic.name, 2, 1)])[topic.name].result(PATIENCE_S)
    partitions = {change.setting: change for change in admin.apply(client, [topic])}["partitions"]
    assert (partitions.held, partitions.action) == ("2", "grow")
    assert {change.action for change in admin.apply(client, [topic], grow=True)} == {"ok"}
    fewer = {change.setting: change for change in admin.apply(client, [replace(topic, partitions=1)], grow=True)}
    assert (fewer["partitions"].held, fewer["partitions"].action) == ("4", "keep")


def test_topics_that_could_not_be_joined_are_mended_by_growing_and_the_rest_is_done_first(
    client: dict[str, str], topic: Topic
) -> None:
    other, third = replace(topic, name=f"{topic.name}.other", joined_with=topic.name), f"{topic.name}.third"
    ours = [topic, other, replace(topic, name=third)]
    broker = AdminClient(client)
    for made in broker.create_topics([NewTopic(topic.name, 4, 1), NewTopic(other.name, 3, 1)]).values():
        made.result(PATIENCE_S)
    with pytest.raises(TopicError, match="T02"):
        admin.apply(client, ours)
    assert third in broker.list_topics(timeout=PATIENCE_S).topics
    assert {change.action for change in admin.apply(client, ours, grow=True)} == {"ok"}
    for gone in broker.delete_topics([other.name, third]).values():
        gone.result(PATIENCE_S)
