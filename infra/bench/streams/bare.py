"""The least that any consumer does: confluent-kafka in batches, fastavro with parsed schemas. Runs by itself."""

from __future__ import annotations

import io
import json
import sys
import time
from typing import Any

import fastavro
from confluent_kafka import Consumer

__all__ = ["main"]

_FRAME = 5


def main() -> None:
    """Prints records read and CPU seconds at each of the given marks."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    schemas = {topic: fastavro.parse_schema(schema) for topic, schema in given["schemas"].items()}
    consumer = Consumer(
        {
            "bootstrap.servers": given["bootstrap"],
            "group.id": given["group"],
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 1000,
        }
    )
    consumer.subscribe(list(schemas))
    seen, marks = 0, list(given["marks"])
    while marks:
        for message in consumer.consume(500, 1.0):
            body = io.BytesIO(message.value())  # type: ignore[arg-type]
            body.seek(_FRAME)
            fastavro.schemaless_reader(body, schemas[message.topic()], None)
            seen += 1
        if seen >= marks[0]:
            print(seen, time.process_time(), flush=True)
            marks.pop(0)
    consumer.close()


if __name__ == "__main__":
    main()
