"""The shipper process: one a node takes every wrapper's events to Kafka, so a wrapper may be killed at any time."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import orjson

from ....models import topics
from ....models.errors import ConfigError, TriptychError
from ....models.wire import bundled
from ...publish import PublishConfig, Publisher
from .segments import lock, segments
from .shipper import Shipper

__all__ = ["ShipConfig", "main", "run"]

_ACTIVE_S = 0.01
_QUIET_S = 0.05
_CALM_AFTER_S = 5.0
_SCAN_S = 0.1
_CLOSE_S = 10.0
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipConfig:
    """`idle_exit_s` ends the shipper once there was nothing to ship and no writer for so long; None lets it stay."""

    spool_dir: Path
    bootstrap: str
    topic: str = topics.PROTOCOL
    properties: Mapping[str, str] = field(default_factory=dict)
    idle_exit_s: float | None = None

    def __post_init__(self) -> None:
        if self.idle_exit_s is not None and self.idle_exit_s <= 0:
            raise ConfigError(f"idle_exit_s is {self.idle_exit_s}, it must be above 0 or left out")


def run(config: ShipConfig) -> int:
    """Ship until SIGTERM, SIGINT or the idle time. 1 when records are left behind, else 0; also where another ships."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while (held := lock(config.spool_dir)) is not None:
        left = _ship(config, stop, held)
        os.close(held)
        # a wrapper that found the lock taken a moment ago relies on us
        if left or stop.is_set() or not segments(config.spool_dir):
            return 1 if left else 0
    return 0


def _ship(config: ShipConfig, stop: Event, held: int) -> int:
    settings = PublishConfig(bootstrap=config.bootstrap, client_id="triptych-ship", properties=config.properties)
    publisher = Publisher(settings)
    shipper = Shipper(config.spool_dir, publisher, config.topic, bundled(), time.time_ns)
    _await_broker(publisher, stop)
    scanned = 0.0
    active = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        if now - scanned >= _SCAN_S:
            shipper.scan()
            scanned = now
        sent = shipper.step()
        if sent:
            os.utime(held)  # the lock tells `triptych gateway status` when something was shipped last
        if sent or not shipper.idle:
            active = now
        elif config.idle_exit_s is not None and now - active >= config.idle_exit_s:
            break
        stop.wait(_ACTIVE_S if now - active < _CALM_AFTER_S else _QUIET_S)
    left = shipper.close(_CLOSE_S)
    if shipper.unreadable:
        print(f"triptych ship: G05 {shipper.unreadable} spool records were no events", file=sys.stderr)
    return left


def _await_broker(publisher: Publisher, stop: Event) -> None:
    """Say once why nothing moves, and wait: the spool keeps everything meanwhile."""
    said = False
    while not stop.is_set():
        try:
            publisher.check(_RETRY_S)
        except TriptychError as error:
            if not said:
                print(f"triptych ship: {error}", file=sys.stderr, flush=True)
            said = True
        else:
            return


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m triptych.producers.gateway.spool.ship --spool DIR --bootstrap HOST:PORT`."""
    parser = argparse.ArgumentParser(prog="triptych gateway ship", description="Ship a spool folder to Kafka.")
    parser.add_argument("--spool", type=Path, required=True, metavar="DIR")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic", default=topics.PROTOCOL)
    parser.add_argument("--idle-exit", type=float, metavar="SECONDS", help="end when idle for so long")
    parser.add_argument("--properties-from-stdin", action="store_true", help="librdkafka properties as one JSON object")
    given = parser.parse_args(argv)
    try:
        properties = orjson.loads(sys.stdin.buffer.read()) if given.properties_from_stdin else {}
        return run(
            ShipConfig(
                spool_dir=given.spool,
                bootstrap=given.bootstrap,
                topic=given.topic,
                properties=properties,
                idle_exit_s=given.idle_exit,
            )
        )
    except TriptychError as error:
        print(f"triptych ship: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
