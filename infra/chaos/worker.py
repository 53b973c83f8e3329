"""A worker process: that of `triptych worker` with less patience, and one promise broken where one is named."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from ...models.errors import TriptychError
from ...streams.app import run
from ...streams.config import WorkerConfig
from .. import brokers, logs
from .. import worker as parts
from ..settings import Findings, Incidents, Kafka, Redis, Settings, Worker
from .faults import install

__all__ = ["configured", "settings_of"]


def settings_of(bootstrap: str, redis_url: str, group: str, turn_gap_s: float) -> Settings:
    """The settings of a worker of this run; its tenant in Redis is its group."""
    return Settings(
        kafka=Kafka(bootstrap=bootstrap),
        redis=Redis.model_validate({"url": redis_url}),
        worker=Worker(
            group=group, stages=("calls", "turns", "incidents", "feedback"), turn_gap_s=turn_gap_s, gap_s=60.0
        ),
        findings=Findings(tenant=group),
        incidents=Incidents(workload_s=0.0),  # else all attacks of a run were one incident
    )


def configured(settings: Settings, instance: str | None = None) -> WorkerConfig:
    """As the product is configured, but a silent worker is given up as soon as the broker allows it."""
    broker = brokers.external(settings.kafka)
    config = parts.configured(settings, broker, settings.redis.url.get_secret_value())
    return replace(config, instance=instance, session_timeout_s=6.0, commit_s=0.3)


def main() -> int:
    """Run until a signal; 1 with the reason where it cannot."""
    parser = argparse.ArgumentParser(prog="chaos-worker", allow_abbrev=False)
    for name in ("--bootstrap", "--redis-url", "--group"):
        parser.add_argument(name, required=True)
    parser.add_argument("--turn-gap-s", type=float, required=True)
    parser.add_argument("--instance")
    parser.add_argument("--fault", default="")
    given = parser.parse_args()
    logs.configure("worker", debug=False)
    try:
        if given.fault:
            install(given.fault)
        settings = settings_of(given.bootstrap, given.redis_url, given.group, given.turn_gap_s)
        config = configured(settings, given.instance)
        return run(config, parts.stages(settings, config))
    except TriptychError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
