"""Quix Streams, in an environment of its own: a dataframe for each topic that only decodes. Runs by itself."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from typing import Any

import fastavro
from quixstreams import Application  # type: ignore[import-not-found]

__all__ = ["main"]

_FRAME = 5


def main() -> None:
    """Prints records read and CPU seconds at each of the given marks, and ends at the last."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    seen, marks = 0, list(given["marks"])
    app = Application(
        broker_address=given["bootstrap"],
        consumer_group=given["group"],
        auto_offset_reset="earliest",
        auto_create_topics=False,
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )

    def decoding(schema: Any) -> Any:
        def decode(value: bytes) -> Any:
            nonlocal seen
            body = io.BytesIO(value)
            body.seek(_FRAME)
            decoded = fastavro.schemaless_reader(body, schema, None)
            seen += 1
            if seen == marks[0]:
                print(seen, time.process_time(), flush=True)
                marks.pop(0)
                if not marks:
                    os._exit(0)
            return decoded

        return decode

    for topic, schema in given["schemas"].items():
        read = app.dataframe(app.topic(topic, value_deserializer="bytes", key_deserializer="bytes"))
        read.update(decoding(fastavro.parse_schema(schema)))
    app.run()


if __name__ == "__main__":
    main()
