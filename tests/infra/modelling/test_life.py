"""The life of a model by its commands, over a real store and a broker inside this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from patience import PATIENCE_S
from typer.testing import CliRunner

from triptych.infra import brokers, stores
from triptych.infra.cli.main import app
from triptych.infra.cli.options import Options
from triptych.infra.modelling.errors import PromotionError
from triptych.infra.replay.folder import Folder
from triptych.infra.replay.recorded import Recorded
from triptych.infra.settings import Kafka, Redis
from triptych.models import topics
from triptych.models.errors import ConfigError
from triptych.models.events import Call
from triptych.models.testing_traffic import sessions
from triptych.models.wire import bundled

CODEC = bundled()
CALLS = sorted((call for turn in sessions(70) for call in turn.calls), key=lambda call: call.started_ns)


def run(*words: str) -> Any:
    result = CliRunner().invoke(app, list(words), obj=Options())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def recorded(folder: Path, calls: Sequence[Call]) -> Path:
    with Folder(folder) as recording:
        for offset, call in enumerate(calls):
            ended = replace(call, wall_ns=max(call.started_ns, call.ended_ns))
            recording.add(
                Recorded(
                    topic=topics.CALLS,
                    partition=0,
                    offset=offset,
                    timestamp=ended.wall_ns // 1_000_000,
                    timestamp_type=0,
                    key=b"w",
                    value=CODEC.encode(ended),
                )
            )
    return folder


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("history") / "calls", CALLS)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the commands find a broker and a store; the broker's address."""
    with brokers.start(Kafka(provider="embedded")) as broker, stores.start(Redis(provider="embedded")) as store:
        for name, value in {**broker.environment(), **store.environment()}.items():
            monkeypatch.setenv(name, value)
        yield broker.bootstrap


def audited(bootstrap: str) -> list[tuple[str, str, str]]:
    """Subject, activity and message of the audit events."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.partition.eof": True})
    places = [TopicPartition(topics.AUDIT, partition, 0) for partition in range(4)]
    consumer.assign(places)
    read, ended = [], 0
    while ended < len(places):
        message = consumer.poll(PATIENCE_S)
        assert message is not None
        if message.error():
            ended += 1
        else:
            read.append(json.loads(message.value()))
    consumer.close()
    read.sort(key=lambda one: one["time"])
    return [(one["entity"]["uid"], one["activity_name"], one["message"]) for one in read]


def test_the_same_history_gives_the_same_arrays(history: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("one.npz", "two.npz"):
        run("model", "train", "--calls", str(history), "--out", str(tmp_path / name))
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    manifest = json.loads((tmp_path / "one.json").read_bytes())
    assert manifest["sha256"] == digests[0]
    assert manifest["turns"] > 40


def test_a_span_of_time_trains_on_what_lies_in_it(history: Path, tmp_path: Path) -> None:
    until = CALLS[int(len(CALLS) * 0.8)].started_ns // 10**9
    run("model", "train", "--calls", str(history), "--out", str(tmp_path / "all.npz"))
    run(
        "model",
        "train",
        "--calls",
        str(history),
        "--until",
        datetime.fromtimestamp(until, UTC).isoformat(),
        "--out",
        str(tmp_path / "part.npz"),
    )
    whole, part = (json.loads((tmp_path / name).read_bytes()) for name in ("all.json", "part.json"))
    assert 0 < part["turns"] < whole["turns"]
    assert int(part["trained_to"]) < until * 10**9


def test_two_histories_are_one_too_many(history: Path) -> None:
    with pytest.raises(ConfigError):
        run("model", "train", "--calls", str(history), "--events", str(history))


def test_a_candidate_is_listed_tried_promoted_and_rolled_back_and_all_of_it_is_told(
    services: str, history: Path
) -> None:
    assert run("model", "list", "--json").stdout.strip() == "[]"
    first = json.loads(run("model", "train", "--calls", str(history), "--json").stdout)["model"]
    trial = json.loads(run("model", "show", "candidate", "--json").stdout)["trial"]
    assert trial["turns"] == 0
    with pytest.raises(PromotionError):
        run("model", "promote")
    run("model", "promote", "--force")
    second = json.loads(run("model", "train", "--calls", str(history), "--seed", "1", "--json").stdout)["model"]
    run("model", "promote", second, "--force")
    run("model", "rollback")
    roles = {row["role"]: row["model"] for row in json.loads(run("model", "list", "--json").stdout)}
    assert roles == {"current": first, "previous": second}
    told = audited(services)
    assert [(subject, activity) for subject, activity, _ in told] == [
        (first, "Refused"),
        (first, "Update"),
        (second, "Update"),
        (first, "Update"),
    ]
    assert "live turns" in told[0][2]


def test_a_model_that_is_not_there_is_named(services: str) -> None:
    with pytest.raises(ConfigError, match="forest-none"):
        run("model", "show", "forest-none")


def test_drift_of_nothing_is_an_empty_report(services: str) -> None:
    assert json.loads(run("model", "drift", "--json").stdout) == []
