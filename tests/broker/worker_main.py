"""A worker process for the tests, with the configuration given as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from triptych.infra.chaos import faults
from triptych.models.detections.engine import Rulebook
from triptych.models.errors import TriptychError
from triptych.models.incidents.member import Windows
from triptych.models.sensitivity import Sensitivity
from triptych.streams import app
from triptych.streams.app import Wiring, run
from triptych.streams.chunks import ChunkConsumer
from triptych.streams.config import Topics, WorkerConfig
from triptych.streams.feedback import Feedback, VerdictCodec
from triptych.streams.incidents import Gathering, Incidents
from triptych.streams.incidentstore import IncidentStore
from triptych.streams.join import Calls
from triptych.streams.judgement import Judge, Judging
from triptych.streams.quarantine import Verdicts
from triptych.streams.stage import Step
from triptych.streams.store import RedisStore
from triptych.streams.turns import JudgeTimes, Turns


class Broken(Calls):
    """A stage with a bug in its timing."""

    def advance(self, watermark_ns: int) -> Step:
        raise RuntimeError("a bug")


def turns(config: WorkerConfig) -> Wiring:
    times = JudgeTimes(gap_ns=int(config.turn_gap_s * 1e9))
    topics = config.topics
    judging = Judging(alerts=topics.alerts, alerts_ocsf=topics.alerts_ocsf, suppressed=topics.suppressed)
    judge = Judge(judging, Rulebook.load())
    return Wiring(lambda: Turns(times, judge), RedisStore(config.redis_url, tenant=config.group))


def feedback(config: WorkerConfig) -> Wiring:
    topics = config.topics
    judging = Judging(alerts=topics.alerts, alerts_ocsf=topics.alerts_ocsf)
    store = RedisStore(config.redis_url, tenant=config.group)
    return Wiring(lambda: Feedback(judging, topics.audit), Verdicts(store.quarantined), codec=VerdictCodec())


def incidents(config: WorkerConfig) -> Wiring:
    gathering = Gathering(incidents_ocsf=config.topics.incidents_ocsf)
    return Wiring(lambda: Incidents(gathering), IncidentStore(config.redis_url, Windows(), tenant=config.group))


def lose_fetches() -> None:
    """What a client fetched of a partition of messages first when partitions have moved gets lost on its way, as it may
    when its thread hands it over; the client goes on behind it. Nothing does of what a worker begins with."""
    fetch, lost, began = ChunkConsumer._wait_next_records, set[tuple[int, Any]](), set[int]()

    async def losing(self: Any, timeout: float) -> Any:  # noqa: ASYNC109  Faust's signature
        fetched, active = await fetch(self, timeout)
        came = {tp for tp, records in (fetched or {}).items() if records and tp.topic.endswith("protocol")}
        if came:
            began.add(self._moves)
        goes = {tp for tp in came if self._moves > min(began) and (self._moves, tp) not in lost}
        lost.update((self._moves, tp) for tp in goes)
        return ({tp: records for tp, records in fetched.items() if tp not in goes} if goes else fetched), active

    ChunkConsumer._wait_next_records = losing


def hear_messages_late(seconds: float) -> None:
    """No message is read for so long, as while the leader of their partitions is away."""
    fetch, begin = ChunkConsumer._getmany, time.monotonic()

    async def hearing(self: Any, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  Faust's signature
        if active_partitions and time.monotonic() - begin < seconds:
            active_partitions = {tp for tp in active_partitions if not tp.topic.endswith("protocol")}
        return await fetch(self, active_partitions, timeout)

    ChunkConsumer._getmany = hearing


def main() -> int:
    given = json.loads(sys.argv[1])
    stage = Broken if given.pop("broken", False) else Calls
    topics = Topics(**given.pop("topics"))
    if fault := given.pop("fault", ""):
        faults.install(fault)
    if given.pop("loses", False):
        lose_fetches()
    hear_messages_late(given.pop("late_s", 0.0))
    if given.pop("reads_on", False):
        Calls.crowding = lambda self: False
    app._END_S = given.pop("end_s", app._END_S)
    config = WorkerConfig(topics=topics, **{"stages": ("calls",), **given})
    judge = Sensitivity.load(outside=("127.0.0.0/8",))
    wiring = {"calls": Wiring(lambda: stage(config.join, judge, topics.calls))}
    if "turns" in config.stages:
        wiring["turns"] = turns(config)
    if "incidents" in config.stages:
        wiring["incidents"] = incidents(config)
    if "feedback" in config.stages:
        wiring["feedback"] = feedback(config)
    try:
        return run(config, wiring)
    except TriptychError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
