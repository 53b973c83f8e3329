"""Faust as it comes, the version that is pinned here: one agent that only decodes. Runs by itself."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from typing import Any

import fastavro
import faust

__all__ = ["main"]

_FRAME = 5


def main() -> None:
    """Prints records read and CPU seconds at each of the given marks, and ends at the last."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    schemas = {topic: fastavro.parse_schema(schema) for topic, schema in given["schemas"].items()}
    marks = list(given["marks"])
    app = faust.App(
        given["group"],
        broker=f"kafka://{given['bootstrap']}",
        consumer_auto_offset_reset="earliest",
        topic_partitions=given["partitions"],
        datadir=tempfile.mkdtemp(),
        web_enabled=False,
    )

    @app.agent(app.topic(*schemas, value_type=bytes, value_serializer="raw"))
    async def decode(stream: Any) -> None:
        seen = 0
        async for event in stream.events():
            body = io.BytesIO(event.value)
            body.seek(_FRAME)
            fastavro.schemaless_reader(body, schemas[event.message.topic], None)
            seen += 1
            if seen == marks[0]:
                os.write(1, f"{seen} {time.process_time()}\n".encode())  # print is Faust's
                marks.pop(0)
                if not marks:
                    os._exit(0)

    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
