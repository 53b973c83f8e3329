"""Topics as topics.toml wants them against topics as a broker holds them. No plan deletes or shrinks anything."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import TopicError

__all__ = ["TOPICS", "Change", "Held", "Topic", "check_joins", "plan", "wanted"]

TOPICS = Path(__file__).resolve().parent / "topics.toml"

Action = Literal["ok", "create", "alter", "grow", "keep"]

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATIONS = {"retention": "retention.ms", "segment": "segment.ms", "max_ahead": "message.timestamp.after.max.ms"}
_WORDS = {"cleanup": "cleanup.policy", "compression": "compression.type"}
_KEYS = {*_DURATIONS, *_WORDS, "value", "key", "joined_with", "partitions"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it should be. `config` has the broker's names and values; `value` is a schema or a description."""

    name: str
    value: str
    key: str
    partitions: int
    joined_with: str | None
    config: Mapping[str, str]

    def replication(self, brokers: int) -> int:
        return min(3, brokers)

    def settings(self, brokers: int) -> dict[str, str]:
        """The topic's configuration on a cluster of this many brokers."""
        return {**self.config, "min.insync.replicas": "2" if self.replication(brokers) == 3 else "1"}


@dataclass(frozen=True, slots=True)
class Held:
    """One topic as a broker holds it."""

    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan. `grow` and `keep` are differences that apply leaves to a person."""

    topic: str
    setting: str
    wanted: str
    held: str
    action: Action


def wanted(partitions: int, file: Path = TOPICS) -> tuple[Topic, ...]:
    """The topics of a file. Raises TopicError T01 for what cannot be meant, such as a join over unequal partitions."""
    plain = tomllib.loads(file.read_text())
    defaults = plain.get("defaults", {})
    topics = tuple(_topic(name, {**defaults, **own}, partitions) for name, own in plain["topics"].items())
    _check_joins(topics, {topic.name: topic.partitions for topic in topics}, "give both the same number", code="T01")
    return topics


def plan(topics: Sequence[Topic], held: Mapping[str, Held], brokers: int) -> list[Change]:
    """Every setting of every topic, wanted against held. Pure."""
    return [change for topic in topics for change in _compare(topic, held.get(topic.name), brokers)]


def check_joins(topics: Sequence[Topic], held: Mapping[str, Held]) -> None:
    """Raises TopicError T02 where topics of a broker could not be joined."""
    counts = {topic.name: held[topic.name].partitions for topic in topics if topic.name in held}
    most = max(counts.values(), default=0)
    _check_joins(topics, counts, f"triptych --set kafka.partitions={most} topics apply --grow", code="T02")


def _topic(name: str, fields: Mapping[str, Any], partitions: int) -> Topic:
    if unknown := fields.keys() - _KEYS:
        raise TopicError(
            f"topics.toml: {name} has an unknown key {sorted(unknown)[0]}", f"one of {', '.join(sorted(_KEYS))}"
        )
    config = {_WORDS[key]: str(value) for key, value in fields.items() if key in _WORDS}
    config |= {
        _DURATIONS[key]: str(_milliseconds(name, str(value))) for key, value in fields.items() if key in _DURATIONS
    }
    if int(config["segment.ms"]) * 2 > int(config["retention.ms"]):
        raise TopicError(f"topics.toml: {name} has segments longer than half its retention", "shorten segment")
    return Topic(
        name=name,
        value=fields["value"],
        key=fields["key"],
        partitions=int(fields.get("partitions", partitions)),
        joined_with=fields.get("joined_with"),
        config=config,
    )


def _milliseconds(topic: str, duration: str) -> int:
    match = re.fullmatch(r"(\d+)([mhd])", duration)
    if match is None:
        raise TopicError(f"topics.toml: {topic} has the duration {duration!r}", "a number and m, h or d, such as 14d")
    return int(match[1]) * _UNITS_MS[match[2]]


def _compare(topic: Topic, held: Held | None, brokers: int) -> Iterator[Change]:
    if held is None:
        yield Change(topic.name, "partitions", str(topic.partitions), "", "create")
        for setting, value in sorted(topic.settings(brokers).items()):
            yield Change(topic.name, setting, value, "", "create")
        return
    growth: Action = "grow" if held.partitions < topic.partitions else "keep"
    yield _line(topic, "partitions", str(topic.partitions), str(held.partitions), growth)
    yield _line(topic, "replication", str(topic.replication(brokers)), str(held.replication), "keep")
    for setting, value in sorted(topic.settings(brokers).items()):
        yield _line(topic, setting, value, held.config.get(setting, ""), "alter")


def _line(topic: Topic, setting: str, value: str, held: str, action: Action) -> Change:
    return Change(topic.name, setting, value, held, "ok" if value == held else action)


def _check_joins(topics: Sequence[Topic], counts: Mapping[str, int], fix: str, *, code: str) -> None:
    for topic in topics:
        other = topic.joined_with
        if other is None or topic.name not in counts or other not in counts:
            continue
        if counts[topic.name] != counts[other]:
            raise TopicError(
                f"{topic.name} has {counts[topic.name]} partitions and {other} has {counts[other]}: "
                "records of one key would not meet",
                fix,
                code=code,
            )
