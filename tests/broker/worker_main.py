"""A worker process for the tests: stage `calls` with the configuration given as JSON."""

from __future__ import annotations

import json
import sys

from triptych.models.sensitivity import Sensitivity
from triptych.streams.app import Wiring, run
from triptych.streams.calls import Calls
from triptych.streams.config import Topics, WorkerConfig
from triptych.streams.stage import Step


class Broken(Calls):
    """A stage with a bug in its timing."""

    def advance(self, watermark_ns: int) -> Step:
        raise RuntimeError("a bug")


def main() -> int:
    given = json.loads(sys.argv[1])
    stage = Broken if given.pop("broken", False) else Calls
    config = WorkerConfig(topics=Topics(**given.pop("topics")), stages=("calls",), **given)
    judge = Sensitivity.load()
    return run(config, {"calls": Wiring(lambda: stage(config.join, judge, config.topics.calls))})


if __name__ == "__main__":
    sys.exit(main())
