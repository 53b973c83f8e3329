"""Which calls a kernel event belongs to, where the kernel's own stamp does not settle it. Pure; never one guess among
several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ..models.events import CallRef
from ..models.lazy import LazyBatch
from ..models.lazy_effects import sized, text
from .effects import Bound
from .opencall import OpenCall
from .workload import offset_ns

__all__ = ["bind", "stamped"]

_MOST: Final = 64  # calls that one effect is written to
_INTERVAL: Final = text("interval")
_ARGUMENT_MATCH: Final = text("argument-match")
_NONE: Final = text("")


def stamped(batch: LazyBatch) -> list[tuple[tuple[CallRef, ...], bool, list[Bound]]]:
    """The events of a batch by the calls that their stamps name, and whether the stamp settles it.

    An index beyond the batch's table of calls names none.
    """
    envelope, offset, begin = batch.envelope, offset_ns(batch), f"{batch.event_id}#".encode()
    tied: dict[tuple[int, ...], list[Bound]] = {}
    untied: dict[tuple[int, ...], list[Bound]] = {}
    for index, event in enumerate(batch.events):
        wall_ns = event.mono_ns + offset if event.mono_ns and offset is not None else batch.wall_ns
        body = event.body
        source = sized(begin + str(index).encode())
        bound = Bound(event, envelope, wall_ns, source, body.binding, (), body.evidence)
        (untied if body.binding == "none" else tied).setdefault(body.calls, []).append(bound)
    table, found = envelope.calls, []
    for settles, groups in ((True, tied), (False, untied)):
        for numbers, bounds in groups.items():
            named = tuple([table[number] for number in numbers if 0 <= number < len(table)])
            found.append((named, settles and len(named) == 1, bounds))
    return found


def bind(
    bounds: Iterable[Bound], among: Sequence[CallRef], known: Mapping[str, OpenCall]
) -> Iterator[tuple[CallRef | None, Bound]]:
    """Effects of the same calls as they go to each of them; to none where more than 64 may have done it, of whom so
    many are listed: who keeps many calls open would multiply every effect by them.

    One call in flight is `window`. Of several all are listed; where the arguments of exactly one name what the kernel
    saw, it goes to that one, still as one of the candidates.
    """
    listed = tuple(ref.call_id for ref in among[:_MOST])
    declared = _declared(among, known) if len(among) > 1 else []
    for bound in bounds:
        evidence = bound.evidence if bound.evidence != _NONE else _INTERVAL
        if len(among) == 1:
            yield among[0], bound.tied("window", bound.candidates, evidence)
            continue
        named = {ref.call_id: ref for digest, ref in declared if digest in bound.event.body.digests}
        if len(named) == 1:
            [(call_id, ref)] = named.items()
            others = listed if call_id in listed else (call_id, *listed[1:])
            yield ref, bound.tied("candidates", others, _ARGUMENT_MATCH)
            continue
        if len(among) > _MOST:
            yield None, bound.tied("candidates", listed, evidence)
            continue
        for ref in among:
            yield ref, bound.tied("candidates", listed, evidence)


def _declared(among: Sequence[CallRef], known: Mapping[str, OpenCall]) -> list[tuple[bytes, CallRef]]:
    """Digests of what the arguments of these calls name."""
    return [(digest, ref) for ref in among if ref.call_id in known for digest in known[ref.call_id].declared]
