"""A worker process for the tests: stage `calls` with the configuration given as JSON."""

from __future__ import annotations

import json
import sys

from triptych.models.sensitivity import Sensitivity
from triptych.streams.app import Wiring, run
from triptych.streams.calls import Calls
from triptych.streams.config import Topics, WorkerConfig


def main() -> int:
    given = json.loads(sys.argv[1])
    config = WorkerConfig(topics=Topics(**given.pop("topics")), stages=("calls",), **given)
    judge = Sensitivity.load()
    return run(config, {"calls": Wiring(lambda: Calls(config.join, judge, config.topics.calls))})


if __name__ == "__main__":
    sys.exit(main())
