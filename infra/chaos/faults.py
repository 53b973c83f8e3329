"""Workers with one promise broken each: the negative controls. Only chaos runs them, in processes of their own.

A promise whose breach loses nothing would be a test that cannot fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import faust

from ...models.errors import ConfigError
from ...streams import app as wiring
from ...streams.chunks import ChunkConsumer
from ...streams.opencall import OpenCall
from ...streams.openturn import OpenTurn
from ...streams.pins import Pin, PinQueue
from ...streams.places import Places
from ...streams.runner import Runner
from ...streams.stage import AwayError

__all__ = ["FAULTS", "install"]


def _replace(owner: Any, name: str, broken: Any) -> None:
    """Raises AttributeError where the product has no such part any more: a control that breaks nothing is none."""
    getattr(owner, name)
    setattr(owner, name, broken)


def _committed_on_read() -> None:
    """A chunk is acknowledged before it is worked on."""
    add = PinQueue.add

    def early(self: PinQueue, topic: str, done: Callable[[], None]) -> Pin:
        done()
        return add(self, topic, lambda: None)

    _replace(PinQueue, "add", early)


def _released_early() -> None:
    """Open calls and turns hold no offsets: what they were made of is not read again."""
    keep = OpenTurn.keep

    def forgetful(self: OpenTurn, pin: Pin, at_ns: int) -> None:
        keep(self, Pin(), at_ns)

    _replace(OpenTurn, "keep", forgetful)
    _replace(OpenCall, "keep", lambda self, *_: None)


def _acknowledged_out_of_order() -> None:
    """Whatever chunk is finished is acknowledged and committed, finished chunks before it or not."""

    def newest(self: ChunkConsumer, tp: Any) -> int | None:
        return max((chunk.end for chunk in self._places._open.get(tp, ()) if chunk.finished), default=None)

    def settle(self: PinQueue) -> None:
        for topic, queue in self._queues.items():
            for pin, done in queue:
                if not pin.held:
                    done()
            self._queues[topic] = type(queue)(one for one in queue if one[0].held)

    _replace(PinQueue, "settle", settle)
    _replace(ChunkConsumer, "_new_offset", newest)


def _gaps_believed() -> None:
    """As stock Faust does: where the client stands is where it was read to, whatever got lost on the way from it."""
    _replace(Places, "missing", lambda *_: None)


def _sent_without_acks() -> None:
    """The broker's word is not waited for."""
    made = wiring._faust

    def careless(config: Any) -> faust.App:
        app = made(config)
        app.conf.producer_acks = 0
        return app

    _replace(wiring, "_faust", careless)


def _store_given_up() -> None:
    """A store that does not answer is done without."""

    async def once(self: Runner, *arguments: Any) -> Any:
        *_, ask, argument = arguments
        try:
            return await ask(argument)
        except AwayError:
            return None

    _replace(Runner, "_patiently", once)


def _chunk_dropped_with_its_bad_record() -> None:
    """As stock Faust does: an exception acknowledges all that was delivered together."""
    read = Runner._read

    def all_or_nothing(self: Runner, *arguments: Any) -> Any:
        records, refused = read(self, *arguments)
        return ([], refused) if refused else (records, refused)

    _replace(Runner, "_read", all_or_nothing)


FAULTS: Mapping[str, Callable[[], None]] = {
    "acknowledged-out-of-order": _acknowledged_out_of_order,
    "chunk-dropped": _chunk_dropped_with_its_bad_record,
    "committed-on-read": _committed_on_read,
    "gaps-believed": _gaps_believed,
    "released-early": _released_early,
    "sent-without-acks": _sent_without_acks,
    "store-given-up": _store_given_up,
}


def install(name: str) -> None:
    """Break a promise in this process, for good. Raises ConfigError for a name that is none."""
    if name not in FAULTS:
        raise ConfigError(f"there is no fault {name!r}", f"one of {', '.join(FAULTS)}")
    FAULTS[name]()
