"""A worker process for the tests, of the version whose schemas stand in the folder it is given as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from triptych.infra import worker as parts
from triptych.infra.chaos.worker import configured, settings_of
from triptych.infra.settings import Registry
from triptych.models.events import ExecutionBatch, ProtocolEvent
from triptych.models.wire import bundled
from triptych.streams import app


def main() -> int:
    given = json.loads(sys.argv[1])
    for kind in (ProtocolEvent, ExecutionBatch):
        kind.of_tomorrow = None  # so that the classes fit the schemas of tomorrow too
    app.bundled = lambda: bundled(Path(given["schemas"]))
    settings = settings_of(given["bootstrap"], given["redis_url"], given["group"], turn_gap_s=8.0)
    settings = settings.model_copy(update={"registry": Registry(url=given["registry"])})
    config = configured(settings)
    return app.run(config, parts.stages(settings, config))


if __name__ == "__main__":
    sys.exit(main())
