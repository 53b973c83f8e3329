"""What equal events add up to."""

from __future__ import annotations

from triptych.producers.sensor.binding import Bound
from triptych.producers.sensor.decode import LONG, KernelEvent
from triptych.producers.sensor.same import Same


def test_sums_end_at_the_largest_number_that_can_be_told() -> None:
    read = KernelEvent(
        kind="io", mono_ns=1, pid=1, start_ns=1, root=1, epoch=1, born=0, bytes_in=LONG, bytes_out=1, mapped=LONG - 1
    )
    same = Same(read, Bound((), "none", "background"), 1)
    same.add(read, 2)
    assert (same.event.bytes_in, same.event.bytes_out, same.event.mapped, same.count) == (LONG, 2, LONG, 3)
