"""Which calls a kernel event belongs to, where the kernel's own stamp does not settle it. Pure; never one guess among
several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..models.events import CallRef, ExecutionBatch
from .opencall import Bound, OpenCall
from .workload import wall_of

__all__ = ["bind", "stamped"]


def stamped(batch: ExecutionBatch) -> Iterator[tuple[Bound, tuple[CallRef, ...]]]:
    """Every event of a batch with the calls its stamp names; an index beyond the batch's table names none."""
    table = batch.calls
    for index, event in enumerate(batch.events):
        named = tuple(table[number] for number in event.calls if 0 <= number < len(table))
        yield (
            Bound(
                event=event,
                batch=batch,
                wall_ns=wall_of(event.mono_ns, batch),
                source=f"{batch.event_id}#{index}",
                binding=event.binding,
                evidence=event.evidence,
            ),
            named,
        )


def bind(bound: Bound, among: Sequence[CallRef], known: Mapping[str, OpenCall]) -> Iterator[tuple[CallRef, Bound]]:
    """The effect as it goes to each of its calls.

    One call in flight is `window`. Of several all are listed; where the arguments of exactly one name what the kernel
    saw, it goes to that one, still as one of the candidates.
    """
    if len(among) == 1:
        yield among[0], replace(bound, binding="window", evidence=bound.evidence or "interval")
        return
    digests = bound.event.digests
    named = [ref for ref in among if ref.call_id in known and known[ref.call_id].declares(digests)]
    certain = len(named) == 1
    listed = replace(
        bound,
        binding="candidates",
        candidates=tuple(ref.call_id for ref in among),
        evidence="argument-match" if certain else bound.evidence or "interval",
    )
    for ref in named if certain else among:
        yield ref, listed
