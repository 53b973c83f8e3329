"""What the secured Kafka of these tests holds, and how a test reads it back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from secured_kafka import PASSWORDS, Secured

from triptych.infra import siem
from triptych.models import finding, testing
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert

CONFIGS = Path(siem.__file__).parent


@dataclass(frozen=True)
class Held:
    """What the findings topic holds: finding and revision of each record."""

    broker: Secured
    records: list[tuple[str, int]]

    def environment(self) -> Mapping[str, str]:
        """What every configuration in infra/siem takes from its environment, beside the usual."""
        usual = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **usual,
            "KAFKA_BROKERS": self.broker.address,
            "KAFKA_CA": str(self.broker.ca),
            "KAFKA_MECHANISM": "PLAIN",
            "KAFKA_USERNAME": "siem",
            "KAFKA_PASSWORD": PASSWORDS["siem"],
        }


def findings() -> Iterator[Alert]:
    for alert in stories():
        yield alert
        yield finding.close(alert)
    one = stories()[0]
    effects = tuple(replace(testing.read(f"/home/ann/.aws/{n}{'x' * 900}", 0.1), source=f"s{n}") for n in range(250))
    yield replace(one, finding_uid="trp-large", effects=effects)
    told = 'a\r\n{"time":1} \x1b[31m <script>é\u2028 | tab\t'
    yield replace(one, finding_uid="trp-hostile", title=told, message=told, tool=told)


def stories() -> list[Alert]:
    """Fifty findings of fifty turns."""
    book, found = Rulebook.load(), []
    for number in range(50):
        effects = (
            testing.read(f"/home/ann/.aws/credentials.{number}", 0.2),
            testing.send("203.0.113.7:443", 1200 + number, 0.4),
        )
        turn = testing.turn(
            testing.call(f"read_config_{number}", *effects), spans=[testing.span()], key=f"turn {number}"
        )
        found.append(finding.assemble(turn, book.evaluate(turn, {}).hits, None, {}, tenant="acme"))
    return found


def told(lines: list[bytes]) -> list[tuple[str, int]]:
    """Finding and revision of each line."""
    events = [orjson.loads(line) for line in lines]
    return [(event["finding_info"]["uid"], event["metadata"]["sequence"]) for event in events]
