"""`make bench-soak`: an hour of event time through a whole worker, as fast as it goes, and whether its memory grows.

A real Kafka and Redis; `triptych worker` as it comes, with joins, turns, rules, a model, incidents and feedback. Of a
thousand calls a few raise something, but for some minutes in the middle: then it is one of twenty.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from statistics import fmean

from ...models import topics
from ...models.errors import ConfigError
from ...models.events import AgentSpan
from ...models.wire import bundled
from .. import brokers, stores
from ..ports import free_ports
from ..process import running, tail
from ..settings import Kafka, Redis
from .cost import rss_mb
from .errors import BenchError
from .latency.memory import teach
from .latency.running import Mouth, Worker
from .latency.traffic import REPLY_NS, Told, heartbeats, kind_of, told
from .report import Row
from .run import Measured, Plan, main

__all__ = ["measure"]

_MINUTES = 60
_FEW_MINUTES = 8
_RATE = 60  # calls a second of event time: what has a bound is full long before the end
_STORM_MINUTES = 5
_SELDOM, _FEW = 480, 40  # of so many numbers those that may raise something outside of the storm, which two do
_OPEN_S = 120  # of event time: turns that need not be over before more is sent
_PATIENCE_S = 300.0
_TENANT = "soak"
_S = 1_000_000_000


def measure(plan: Plan) -> Measured:
    """Resident memory at the end of every minute of event time."""
    if plan.only:
        raise ConfigError(f"there is no part {plan.only!r}", "leave --only out")
    minutes = _FEW_MINUTES if plan.quick else _MINUTES
    with (
        brokers.start(Kafka(provider="local")) as broker,
        stores.start(Redis(provider="local")) as store,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
    ):
        plan.tell("training a model")
        teach(store.url, _TENANT)
        with _worker(broker.bootstrap, store.url, Path(folder) / "worker.log") as (ours, pid):
            sizes = list(_lived(Mouth(broker.bootstrap, bundled()), ours, pid, minutes, plan))
            seen = ours.metrics()
    quarter = len(sizes) // 4
    third, last = fmean(sizes[2 * quarter : 3 * quarter]), fmean(sizes[3 * quarter :])
    return Measured(
        rows=[
            Row(name="minutes of event time", value=minutes, unit="min"),
            Row(name="calls judged", value=minutes * 60 * _RATE, unit="calls"),
            Row(name="findings", value=seen.get("triptych_stage_total created", 0.0), unit="", at_least=1),
            Row(name="memory after a quarter", value=sizes[quarter - 1], unit="MB"),
            Row(name="memory at the end", value=sizes[-1], unit="MB"),
            Row(name="last quarter over the one before", value=last / third, unit="times", at_most=1.05),
        ]
    )


def _lived(mouth: Mouth, ours: Worker, pid: int, minutes: int, plan: Plan) -> Iterator[float]:
    start, numbers, a_minute = time.time_ns() - (minutes + 10) * 60 * _S, count(), 60 * _RATE
    for minute in range(minutes):
        began = start + minute * 60 * _S
        storm = 0 <= minute - minutes // 2 < _STORM_MINUTES
        calls = islice((number for number in numbers if storm or _natural(number)), a_minute)
        events = [one for at, number in enumerate(calls) for one in _told(number, began + at * _S // _RATE)]
        events += [beat for second in range(60) for beat in heartbeats(began + second * _S)]
        mouth.say(sorted(events, key=lambda one: one.wall_ns))
        mouth.hush()
        _await(ours, (minute + 1) * a_minute - _OPEN_S * _RATE)
        yield rss_mb(pid)
        plan.tell(f"minute {minute + 1} of {minutes}: {rss_mb(pid):.0f} MB")


def _told(number: int, at_ns: int) -> Iterator[Told]:
    """The call and the span of the agent that made it: what is silent while the rest goes on would hold time back."""
    yield from told(number, at_ns)
    ended, turn = at_ns + 2 * REPLY_NS, f"turn-{number}"
    span = AgentSpan(
        event_id=f"span-{number}",
        correlation_id=turn,
        wall_ns=ended,
        trace_id=turn,
        span_id=f"span-{number}",
        operation="execute_tool",
        started_ns=at_ns,
        ended_ns=ended,
    )
    yield Told(ended, topics.AGENT, turn, span)


def _natural(number: int) -> bool:
    return kind_of(number) == "usual" or number % _SELDOM < _FEW


def _await(ours: Worker, turns: int) -> None:
    """Until so many turns are over: each of them has one call."""

    def over(seen: Mapping[str, float]) -> bool:
        return seen["triptych_stage_total learned"] + seen["triptych_stage_total quarantined"] >= turns

    ours.wait(over, f"get through {turns} turns", patience_s=_PATIENCE_S)


@contextmanager
def _worker(bootstrap: str, redis_url: str, log: Path) -> Iterator[tuple[Worker, int]]:
    """The worker that holds its partitions, and its process id. A pause of the sender is no silence of the senders."""
    (port,) = free_ports(1)
    settings = {
        "kafka.bootstrap": bootstrap,
        "redis.url": redis_url,
        "findings.tenant": _TENANT,
        "worker.group": _TENANT,
        "worker.idle_ms": 600_000,
        "worker.health_port": port,
    }
    flags = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    with running([sys.executable, "-m", "triptych.infra.cli.main", *flags, "worker"], log=log) as process:
        one = Worker(port, lambda: process.poll() is not None)
        try:
            one.wait(lambda seen: "triptych_lag_records" in seen, "start", patience_s=_PATIENCE_S)
            yield one, process.pid
        except BenchError as error:
            raise BenchError(f"{error.what}: {tail(log)}", error.hint, code="B01") from None


if __name__ == "__main__":
    sys.exit(main("soak", measure, packages=("faust-streaming", "aiokafka", "confluent-kafka", "redis")))
