"""Stage 1 as a worker runs it, on one core: what it costs a call, and whether every call came out whole."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from ....models import topics
from ....models.events import Call
from ....models.wire import bundled
from ...ports import free_ports
from ...process import running, tail
from ..cost import cpu_us
from ..errors import BenchError
from .contenders import CORE
from .filling import Mix
from .traffic import EFFECTS

__all__ = ["us_per_call"]

_PATIENCE_S = 120.0
_IDLE_MS = 60_000  # time moves with the traffic, however slowly a busy machine sends it
_LOOK_S = 0.1
_PAUSE_S = 0.02
_SETTLE_S = 1.5  # a group that has just grown moves partitions


class _Written:
    """The topic of calls from now on."""

    def __init__(self, mix: Mix) -> None:
        settings = {"bootstrap.servers": mix.bootstrap, "group.id": "bench-look", "enable.auto.commit": False}
        self._consumer = Consumer(settings)
        self._mix = mix
        self._begin = self._ends()

    def records(self) -> int:
        return sum(end.offset - begin.offset for begin, end in zip(self._begin, self._ends(), strict=True))

    def whole(self) -> Iterator[int]:
        """How many calls are complete with every effect, again and again, among all that was read until then."""
        codec, found = bundled(), set[str]()
        self._consumer.assign(self._begin)
        while True:
            messages = self._consumer.consume(500, _LOOK_S)
            calls = [codec.decode(bytes(message.value() or b""), Call) for message in messages]
            complete = [call for call in calls if call.state == "complete" and len(call.effects) == EFFECTS]
            found |= {call.call_id for call in complete}
            yield len(found)

    def close(self) -> None:
        self._consumer.close()

    def _ends(self) -> list[TopicPartition]:
        return self._mix.ends(self._consumer, topics.CALLS)


@dataclass(frozen=True, slots=True)
class _Worker:
    process: Popen[bytes]
    port: int
    log: Path

    def await_ready(self) -> None:
        """Until it holds partitions. Raises BenchError B01."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise BenchError(f"the worker does not start: {tail(self.log)}", "run it by hand", code="B01")
            time.sleep(_LOOK_S)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as page:
                return bool(json.load(page)["ok"])
        except OSError:
            return False


def us_per_call(mix: Mix, folder: Path, *, build: Path | None = None, workers: int = 1) -> float:
    """CPU microseconds of all workers for a call, all on one core, from the first record sent to the last call written.

    `build`: the folder of another package. Raises BenchError B01 where a call is missing or not whole.
    """
    group = f"bench-{uuid4().hex[:8]}"
    mix.skip(group)
    written = _Written(mix)
    with ExitStack() as stack:
        stack.callback(written.close)
        started = [stack.enter_context(_worker(mix, group, folder, build)) for _ in range(workers)]
        for one in started:
            one.await_ready()
        time.sleep(_SETTLE_S)
        before = _used_us(started)
        mix.send()
        _await(written.records, mix.calls, started)
        cost = (_used_us(started) - before) / mix.calls
        _await(written.whole().__next__, mix.calls, started)
    return cost


def _used_us(workers: Sequence[_Worker]) -> float:
    return sum(cpu_us(one.process.pid) for one in workers)


def _await(count: Callable[[], int], wanted: int, workers: Sequence[_Worker]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (seen := count()) < wanted:
        ended = [one for one in workers if one.process.poll() is not None]
        if ended or time.monotonic() > deadline:
            said = f"{seen} of {wanted} calls came out, {len(ended)} of {len(workers)} workers ended: "
            raise BenchError(said + tail((ended or workers)[0].log), "run it by hand", code="B01")
        time.sleep(_PAUSE_S)


@contextmanager
def _worker(mix: Mix, group: str, folder: Path, build: Path | None) -> Iterator[_Worker]:
    """`triptych worker` with stage 1 alone."""
    (port,) = free_ports(1)
    settings = {
        "kafka.bootstrap": mix.bootstrap,
        "worker.group": group,
        "worker.stages": "calls",
        "worker.health_port": port,
        "worker.idle_ms": _IDLE_MS,
    }
    flags = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    argv = ["taskset", "-c", str(CORE), sys.executable, "-m", "triptych.infra.cli.main", *flags, "worker"]
    environment = dict(os.environ) | ({"PYTHONPATH": str(build)} if build else {})
    log = folder / f"{group}-{port}"
    with running(argv, log=log, env=environment, cwd=folder) as process:
        yield _Worker(process, port, log)
