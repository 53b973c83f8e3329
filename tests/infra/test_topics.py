"""Plans of topics: what is created, altered, left to a person, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from triptych.infra.errors import TopicError
from triptych.infra.topics import TOPICS, Held, Topic, check_joins, plan, wanted
from triptych.models import topics as names
from triptych.models import wire

DAY_MS = 86_400_000


def _held(topic: Topic, brokers: int = 1, **changes: object) -> Held:
    """A topic as a broker holds it after apply."""
    return replace(Held(topic.partitions, min(3, brokers), topic.settings(brokers)), **changes)  # type: ignore[arg-type]


def test_every_avro_topic_names_a_schema_of_ours() -> None:
    schemas = {path.stem for path in wire.SCHEMAS.glob("*.avsc")}
    assert schemas == {topic.value for topic in wanted(4) if not topic.value.startswith("json")}


def test_retention_is_what_the_design_promises() -> None:
    days = {topic.name: int(topic.config["retention.ms"]) // DAY_MS for topic in wanted(4)}
    assert days == {
        "mcp.protocol": 90, "mcp.agent": 90, "mcp.execution": 14, "mcp.calls": 14,
        "mcp.alerts": 180, "mcp.alerts.ocsf": 180, "mcp.incidents.ocsf": 180, "mcp.deadletter": 30,
        "mcp.alerts.suppressed": 30, "mcp.verdicts": 180, "mcp.audit": 400,
    }  # fmt: skip


def test_joined_topics_have_the_same_number_of_partitions() -> None:
    topics = {topic.name: topic for topic in wanted(7)}
    joins = {topic.name: topic.joined_with for topic in topics.values() if topic.joined_with}
    assert joins == {"mcp.execution": "mcp.protocol", "mcp.agent": "mcp.calls"}
    assert {topics[name].partitions for pair in joins.items() for name in pair} == {7}


def test_a_file_whose_join_could_not_meet_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(
        TOPICS.read_text().replace('joined_with = "mcp.calls"', 'joined_with = "mcp.calls"\npartitions = 3')
    )
    with pytest.raises(TopicError, match=r"T01 mcp\.agent has 3 partitions and mcp\.calls has 4"):
        wanted(4, file)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('retention = "14 days"', "duration '14 days'"),
        ("retension = 1", "unknown key retension"),
        ('retention = "1d"', "segments longer than half its retention"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(line: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    defaults = 'cleanup = "delete"\ncompression = "zstd"\nsegment = "1d"\nvalue = "v"\nkey = "k"\n'
    file.write_text(f"[defaults]\n{defaults}\n[topics.x]\n{line}\n")
    with pytest.raises(TopicError, match=says):
        wanted(4, file)


def test_an_empty_broker_gets_every_setting_of_every_topic() -> None:
    changes = plan(wanted(4), {}, brokers=1)
    assert {change.action for change in changes} == {"create"}
    assert {change.topic for change in changes} == {topic.name for topic in wanted(4)}


def test_a_broker_that_holds_what_is_wanted_needs_nothing() -> None:
    assert {change.action for change in plan(wanted(4), {t.name: _held(t) for t in wanted(4)}, 1)} == {"ok"}


@pytest.mark.parametrize(("brokers", "replication", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (9, 3, "2")])
def test_replication_is_three_with_two_in_sync_where_the_cluster_can(
    brokers: int, replication: int, in_sync: str
) -> None:
    topic = wanted(4)[0]
    assert topic.replication(brokers) == replication
    assert topic.settings(brokers)["min.insync.replicas"] == in_sync


@pytest.mark.parametrize(("held", "action"), [(2, "grow"), (8, "keep"), (4, "ok")])
def test_partitions_are_never_taken_away(held: int, action: str) -> None:
    topic = wanted(4)[0]
    changes = {change.setting: change for change in plan([topic], {topic.name: _held(topic, partitions=held)}, 1)}
    assert changes["partitions"].action == action


def test_a_broker_whose_join_could_not_meet_is_refused() -> None:
    held = {topic.name: _held(topic) for topic in wanted(4)}
    held["mcp.agent"] = replace(held["mcp.agent"], partitions=8)
    with pytest.raises(TopicError, match=r"T02 mcp\.agent has 8 partitions and mcp\.calls has 4") as raised:
        check_joins(wanted(4), held)
    assert "kafka.partitions=8 topics apply --grow" in raised.value.hint


def test_the_file_keeps_every_topic_that_the_packages_name() -> None:
    assert {topic.name for topic in wanted(4)} == set(names.ALL)
