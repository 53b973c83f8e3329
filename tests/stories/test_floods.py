"""The same attack ten thousand times over: analysts hear of it once, and then now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from triptych.models import topics
from triptych.models.events import Alert, Call
from triptych.models.testing import START_NS, call, read, send
from triptych.streams.known import Known
from triptych.streams.pins import Pin
from triptych.streams.stage import Step
from triptych.streams.turns import Turns

from .judging import turns

TIMES = 10_000
EVERY_S = 0.3
UPDATE_S = 300


def stolen(number: int) -> Call:
    """One theft, in a turn of its own."""
    at_s = number * EVERY_S
    effects = (read("/home/ann/.aws/credentials", at_s + 0.1), send("203.0.113.7:443", at_s=at_s + 0.2))
    return call("read_config", *effects, at_s=at_s, correlation_id=f"{number + 1:032x}", conversation=f"c{number % 50}")


def told(step: Step) -> Iterator[Alert]:
    yield from (one.value for one in step.outputs if one.topic == topics.ALERTS and isinstance(one.value, Alert))


def flooded(stage: Turns) -> Iterator[Alert]:
    for number in range(TIMES):
        one = stolen(number)
        yield from told(stage.add(one, Pin(), Known()))
        yield from told(stage.advance(one.started_ns))
    yield from told(stage.advance(START_NS + 10**15))


def test_ten_thousand_equal_hits_are_one_finding_with_few_updates() -> None:
    alerts = [*flooded(turns())]
    said = Counter(alert.activity for alert in alerts)
    assert said["create"] == said["close"] == len({alert.finding_uid for alert in alerts}) == 1
    assert said["update"] <= TIMES * EVERY_S / UPDATE_S + 1
    assert [alert.sequence for alert in alerts] == [*range(1, len(alerts) + 1)]
