"""One worker process, what it is fed, and when its findings arrive."""

from __future__ import annotations

import os
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from ....models import topics
from ....models.events import Alert
from ....models.wire import Codec, bundled
from ...ports import free_ports
from ...process import running, tail
from ..errors import BenchError
from .traffic import Kind, Told

__all__ = ["Arrival", "Ear", "Mouth", "Worker", "worker"]

_READY_S = 60.0
_POLL_S = 0.25  # a page costs the worker milliseconds
_UNUSUAL = 75.0  # model.alert_risk of a worker as it comes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A finding as a consumer got it, and what raised it."""

    turn: str
    by: frozenset[Kind]
    at_ns: int


class Mouth:
    """Sends events as the producers do."""

    def __init__(self, bootstrap: str, codec: Codec) -> None:
        settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 5}
        self._producer = Producer({**settings, "acks": "all", "enable.idempotence": True})
        self._codec = codec

    def say(self, told: Iterable[Told]) -> None:
        for one in told:
            self._producer.produce(one.topic, self._codec.encode(one.event), one.workload)
        self._producer.poll(0)

    def hush(self) -> None:
        self._producer.flush(30)


class Ear:
    """Hears findings from now on."""

    def __init__(self, bootstrap: str) -> None:
        self._codec = bundled()
        settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": "bench-ear", "fetch.wait.max.ms": 10}
        self._consumer = Consumer({**settings, "enable.auto.commit": False})
        numbers = self._consumer.list_topics(topics.ALERTS, timeout=10).topics[topics.ALERTS].partitions
        places = [TopicPartition(topics.ALERTS, number) for number in numbers]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)

    def hear(self, wait_s: float) -> Iterator[Arrival]:
        messages = self._consumer.consume(500, wait_s)
        now = time.time_ns()
        for message in messages:
            alert = self._codec.decode(bytes(message.value() or b""), Alert)
            raised: dict[Kind, bool] = {
                "theft": bool(alert.rules),
                "odd": alert.score is not None and alert.score.risk >= _UNUSUAL,
            }
            yield Arrival(alert.correlation_id, frozenset(kind for kind, did in raised.items() if did), now)

    def close(self) -> None:
        self._consumer.close()


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs, by its page."""

    port: int
    ended: Callable[[], bool]

    def metrics(self) -> dict[str, float]:
        """Every sample by its name, and by its name and each of its labels' values; summed over what else it has."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
            text = page.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                for name in (sample.name, *(f"{sample.name} {value}" for value in sample.labels.values())):
                    found[name] = found.get(name, 0.0) + sample.value
        return found

    def wait(self, holds: Callable[[Mapping[str, float]], bool], what: str, patience_s: float = _READY_S) -> None:
        """Raises BenchError B01 when it never holds."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                if holds(self.metrics()):
                    return
            except OSError:
                if self.ended():
                    break
            time.sleep(_POLL_S)
        raise BenchError(f"the worker did not {what} in {patience_s:.0f} s", "run it by hand", code="B01")


@contextmanager
def worker(bootstrap: str, redis_url: str, tenant: str, log: Path, build: Path | None = None) -> Iterator[Worker]:
    """`triptych worker` with both stages, once it holds its partitions; of that build, else as it stands here."""
    (port,) = free_ports(1)
    settings = {
        "kafka.bootstrap": bootstrap,
        "redis.url": redis_url,
        "findings.tenant": tenant,
        "findings.most_per_rule": 1_000_000,  # the storm guard would hold back what is measured
        "findings.most_per_workload": 1_000_000,
        "worker.group": tenant,
        "worker.stages": "calls,turns",
        "worker.health_port": port,
    }
    flags = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    env = dict(os.environ) | ({"PYTHONPATH": str(build)} if build else {})
    with running([sys.executable, "-m", "triptych.infra.cli.main", *flags, "worker"], log=log, env=env) as process:
        one = Worker(port, lambda: process.poll() is not None)
        try:
            one.wait(lambda seen: "triptych_lag_records" in seen, "start")
        except BenchError as error:
            raise BenchError(f"{error.what}: {tail(log)}", error.hint, code="B01") from None
        yield one
        if process.poll() is not None:
            raise BenchError(f"the worker ended: {tail(log)}", "run it by hand", code="B01")
