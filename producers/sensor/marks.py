"""Which call in flight a server's own marker names. Pure; an unknown marker names none, one shared by calls names all.

The server knows a call by its JSON-RPC id, and by the trace id where the client sent one (producers/shim.py).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from ...models.events import CallRef

__all__ = ["Marks", "mark"]


class Marks:
    """The markers to expect of the last `kept` calls; they are computed only where a marked event asks."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._requests: OrderedDict[str, str] = OrderedDict()
        self._known: dict[str, frozenset[int]] = {}

    def expect(self, call: CallRef, request: str) -> None:
        """`request` is the JSON-RPC id of `call` as JSON text."""
        self._requests[call.call_id] = request
        self._known.pop(call.call_id, None)
        if len(self._requests) > self._kept:
            oldest, _ = self._requests.popitem(last=False)
            self._known.pop(oldest, None)

    def named(self, value: int, among: Iterable[CallRef]) -> tuple[CallRef, ...]:
        """The calls among those given that a server would mark by `value`."""
        return tuple(call for call in among if value in self._of(call))

    def _of(self, call: CallRef) -> frozenset[int]:
        known = self._known.get(call.call_id)
        if known is None and (request := self._requests.get(call.call_id)) is not None:
            known = self._known[call.call_id] = frozenset((mark(request), mark(request, call.correlation_id)))
        return known or frozenset()


def mark(request: str, trace_id: str = "") -> int:
    """As producers/shim.py tells it. Not imported from there: asyncio would come with it into the sensor's memory."""
    digest = hashlib.blake2b(f"{request}\n{trace_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) or 1
