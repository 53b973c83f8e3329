"""Findings by quixstreams: a stream of JSON, filtered and printed. Needs `pip install quixstreams` and nothing of ours.

python quix_findings.py broker:9092
"""

from __future__ import annotations

import sys

from quixstreams import Application  # type: ignore[import-not-found]

__all__ = ["main"]

_HIGH = 4


def main(bootstrap: str, most: int = 0) -> None:
    """Print each finding of high severity or worse; end after `most` records, 0 for never."""
    app = Application(broker_address=bootstrap, consumer_group="findings-quix", auto_offset_reset="earliest")
    topic = app.topic("mcp.alerts.ocsf", value_deserializer="json")
    app.dataframe(topic).filter(lambda finding: finding["severity_id"] >= _HIGH).update(
        lambda finding: print(finding["finding_info"]["uid"], finding["severity"], flush=True)
    )
    app.run(count=most)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
