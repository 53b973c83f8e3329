"""Which layers watched the calls of a turn, and what of it a rule lacks, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...turn import Turn
from .rule import Needs, WatchingLayer

__all__ = ["Layers"]


class Layers:
    """Of one turn. `blind`: the layers that did not watch every call."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._lacking: dict[tuple[tuple[WatchingLayer, ...], bool], tuple[str, ...]] = {}
        every = [call.coverage for call in turn.calls]
        watched = {
            "protocol": all(coverage.protocol for coverage in every),
            "execution": all(coverage.execution for coverage in every),
            "agent": bool(turn.spans) or all(coverage.agent for coverage in every),
        }
        self.blind = frozenset(layer for layer, did in watched.items() if not did)

    def lacking(self, needs: Needs) -> tuple[str, ...]:
        """Layers that are needed and that did not watch every call, in words."""
        if self.blind.isdisjoint(needs.layers):
            return ()
        key = (needs.layers, needs.outside_calls)
        known = self._lacking.get(key)
        if known is None:
            known = self._lacking[key] = tuple(self._lacks(*key))
        return known

    def _lacks(self, needed: tuple[WatchingLayer, ...], only_outside: bool) -> Iterator[str]:
        spoken = [call for call in self._turn.calls if (call.state == "background") is only_outside]
        for layer in needed:
            unseen = sum(not getattr(call.coverage, layer) for call in spoken) if layer in self.blind else 0
            if unseen:
                yield f"the {layer} layer did not watch {unseen} of {len(spoken)} calls"
