"""Batches become bytes; what does not arrive is lost, and said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from triptych.models.events import ExecutionBatch, ExecutionEvent
from triptych.models.wire import bundled
from triptych.producers.sensor.outbox import Outbox


def _batch(bytes_in: int) -> ExecutionBatch:
    return ExecutionBatch(
        event_id="00000000-0000-4000-8000-000000000000",
        workload="w",
        producer="p",
        sequence=1,
        mono_ns=50,
        events=(ExecutionEvent(kind="io", mono_ns=40, bytes_in=bytes_in, count=3),),
    )


def test_a_batch_that_fits_no_schema_is_told_as_lost() -> None:
    lost: list[tuple[str, int, int]] = []
    taken: list[bytes] = []
    counts: Counter[str] = Counter()

    def publish(_topic: str, _key: str, value: bytes, _report: Callable[[str | None], None]) -> bool:
        taken.append(value)
        return True

    outbox = Outbox(bundled(), publish, lambda *facts: lost.append(facts), counts)
    outbox.tell([_batch(1 << 63), _batch(1)])
    assert lost == [("w", 3, 40)]
    assert len(taken) == 1
    assert (counts["unencodable"], counts["lost"], counts["batches"]) == (1, 3, 1)
