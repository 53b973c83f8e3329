"""Findings by confluent-kafka: OCSF, one line of JSON a record; the group remembers how far it came.

python confluent_findings.py broker:9092
"""

from __future__ import annotations

import json
import sys

from confluent_kafka import Consumer

__all__ = ["main"]


def main(bootstrap: str, most: int = 0) -> None:
    """Print each finding's id, severity and title; end after `most`, 0 for never."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "findings-confluent",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["mcp.alerts.ocsf"])
    seen = 0
    try:
        while not most or seen < most:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            finding = json.loads(message.value() or b"{}")
            print(finding["finding_info"]["uid"], finding["severity"], finding["finding_info"]["title"], flush=True)
            consumer.commit(message=message, asynchronous=False)
            seen += 1
    finally:
        consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
