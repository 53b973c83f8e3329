"""What a worker counts, in a Prometheus registry of its own. Labels are stages, topics and codes, never content."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from ..models.events import Alert
from .clock import Clock
from .stage import Output, Stage

__all__ = ["Counted", "Metrics", "Who"]

Who = Literal["store", "registry"]

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 30.0, 120.0)


@runtime_checkable
class Counted(Protocol):
    """A stage that counts: totals since it began, and levels as they are now."""

    def counts(self) -> dict[str, int]: ...

    def levels(self) -> dict[str, int]: ...


class Metrics:
    """The instruments of one worker process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.dead_letters = Counter(
            "triptych_dead_letters", "Records sent to the dead-letter topic.", ["stage", "code"], registry=registry
        )
        self.clock_ahead = Counter(
            "triptych_clock_ahead", "Records whose time lay ahead of their arrival.", ["topic"], registry=registry
        )
        self._watermark = Gauge(
            "triptych_watermark_seconds", "Event time reached, Unix epoch.", ["stage", "partition"], registry=registry
        )
        self._behind = Gauge(
            "triptych_lag_seconds", "How far event time is behind the clock.", ["stage", "partition"], registry=registry
        )
        self._held = Gauge(
            "triptych_watermark_held",
            "1 at the topic that event time waits for, 0 at the others.",
            ["stage", "partition", "topic"],
            registry=registry,
        )
        self._ahead = Gauge(
            "triptych_topic_ahead",
            "1 while a topic is not read on, for it is far ahead and room is short.",
            ["stage", "partition", "topic"],
            registry=registry,
        )
        self.rebalances = Counter(
            "triptych_rebalances", "How often partitions were taken away or given anew.", registry=registry
        )
        self.pinned = Gauge(
            "triptych_pinned_chunks", "Chunks not acknowledged yet.", ["stage", "partition"], registry=registry
        )
        self.away: dict[Who, Gauge] = {
            "store": Gauge("triptych_store_away", "1 while the store does not answer.", ["stage"], registry=registry),
            "registry": Gauge(
                "triptych_registry_away", "1 while the schema registry does not answer.", ["stage"], registry=registry
            ),
        }
        self.lag = Gauge("triptych_lag_records", "Records not read yet.", ["topic", "partition"], registry=registry)
        self._happened = Counter("triptych_stage", "What stages counted.", ["stage", "what"], registry=registry)
        self._levels = Gauge(
            "triptych_stage_level", "What stages hold.", ["stage", "what", "partition"], registry=registry
        )
        self._latency = Histogram(
            "triptych_event_to_output_seconds",
            "From the event's own time to the record sent.",
            ["stage", "topic"],
            registry=registry,
            buckets=_SECONDS,
        )

        self._to_finding = Histogram(
            "triptych_event_to_finding_seconds",
            "From the last event of a turn to its finding or an update of it, by what raised it.",
            ["by"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._latencies: dict[tuple[str, str], Histogram] = {}  # finding one costs more than counting

    def sent(self, stage: str, output: Output, now_ns: int) -> None:
        """One output went to the broker; its latency counts where it carries a time."""
        at = 0 if isinstance(output.value, bytes) else output.value.wall_ns
        if at:
            place = (stage, output.topic)
            histogram = self._latencies.get(place)
            if histogram is None:
                histogram = self._latencies[place] = self._latency.labels(*place)
            histogram.observe(max(0, now_ns - at) / 1e9)
        if isinstance(output.value, Alert) and output.value.activity != "close":
            by = "rule" if output.value.rules else "score"
            self._to_finding.labels(by).observe(max(0, now_ns - at) / 1e9)

    def time(self, stage: str, partition: str, clock: Clock, now_ns: int, at_end: Iterable[str]) -> None:
        """Publish how far event time has come, and the topic it waits for."""
        if (reached := clock.reached) is not None:
            self._watermark.labels(stage, partition).set(reached / 1e9)
            self._behind.labels(stage, partition).set(max(0, now_ns - reached) / 1e9)
        holder = clock.held_by(now_ns, at_end)
        for topic in clock.topics:
            self._held.labels(stage, partition, topic).set(topic == holder)

    def ahead(self, stage: str, partition: str, clock: Clock, topics: Collection[str]) -> None:
        """Publish the topics that are not read on."""
        for topic in clock.topics:
            self._ahead.labels(stage, partition, topic).set(topic in topics)

    def forget(self, stage: str, partition: str) -> None:
        """A partition is somebody else's now: what it looked like here is no longer told."""
        for gauge in (self._watermark, self._behind, self._held, self._ahead, self.pinned, self._levels):
            gauge.remove_by_labels({"stage": stage, "partition": partition})

    def stage(self, name: str, partition: str, stage: Stage, counted: dict[str, int]) -> None:
        """Publish what a stage counted beyond `counted`, which is brought up to date."""
        if not isinstance(stage, Counted):
            return
        for what, total in stage.counts().items():
            self._happened.labels(name, what).inc(total - counted.get(what, 0))
            counted[what] = total
        for what, level in stage.levels().items():
            self._levels.labels(name, what, partition).set(level)
