"""What a worker is told before it starts, and what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from starlette.responses import JSONResponse
from structlog.testing import capture_logs

from triptych.infra import stores, worker
from triptych.infra.brokers import Broker
from triptych.infra.ports import free_ports
from triptych.infra.settings import Redis, Registry, Settings
from triptych.infra.stores import Store
from triptych.models.testing_traffic import sessions
from triptych.models.training import train
from triptych.streams.config import WorkerConfig
from triptych.streams.store import RedisStore


def told(url: str) -> list[Any]:
    with capture_logs() as lines:
        worker.ask_registry(Settings(registry=Registry(url=url)), structlog.get_logger())
    return lines


def test_a_registry_that_answers_is_not_spoken_of_and_none_is_asked_for_where_none_is_named(registry: Any) -> None:
    assert told(registry.url) == told("") == []
    assert len(registry.asked) == 1


@pytest.mark.parametrize("answer", [None, 401, 503])
def test_a_registry_that_is_away_or_lets_nobody_in_is_told_with_its_setting(registry: Any, answer: int | None) -> None:
    registry.broken = JSONResponse({"message": "no"}, answer) if answer else None
    url = registry.url if answer else f"http://127.0.0.1:{free_ports(1)[0]}"
    (line,) = told(url)
    assert (line["event"], line["code"], line["log_level"]) == ("registry away", "J06", "warning")
    assert (url in line["error"], "registry.url" in line["fix"]) == (True, True)


def test_a_topic_that_holds_nobody_up_is_told_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.permissions, "check", lambda *_: None)
    monkeypatch.setattr(worker.permissions, "ahead_ms", lambda *_: None)
    monkeypatch.setattr(worker.topiccheck, "check", lambda *_: ("out is compacted",))
    with capture_logs() as lines:
        worker.check(WorkerConfig(bootstrap="b:1"), Broker("external", "b:1", {}), structlog.get_logger())
    (line,) = lines
    assert (line["event"], line["what"], line["log_level"]) == ("topic in doubt", "out is compacted", "warning")
    assert "triptych topics apply" in line["fix"]


@pytest.fixture
def store() -> Iterator[Store]:
    with stores.start(Redis()) as one:
        yield one


async def publish_a_model(store: Store) -> None:
    models = RedisStore(store.url)
    try:
        await models.publish(train(sessions(48), seed=1), {})
    finally:
        await models.close()


def test_scoring_is_compiled_before_records_come_where_a_model_waits_to_judge(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(worker, "fastest", lambda: compiled.append("now"))

    worker.warm(store, Settings())
    nobody_judges = list(compiled)
    asyncio.run(publish_a_model(store))
    worker.warm(store, Settings())

    assert (nobody_judges, compiled) == ([], ["now"])
