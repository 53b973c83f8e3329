"""Calls by Faust: an agent of its own group counts failed calls by server.

FAUST_BROKER=kafka://broker:9092 faust -A triptych.infra.examples.faust_calls worker
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import faust

from ...models.errors import WireError
from ...streams.reading import call_of

__all__ = ["app"]

app = faust.App(
    "failed-calls",
    broker=os.environ.get("FAUST_BROKER", "kafka://127.0.0.1:9092"),
    store="memory://",
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
failed: Counter[str] = Counter()


@app.agent(app.topic("mcp.calls", value_serializer="raw"))
async def count(values: Any) -> None:
    async for value in values:
        try:
            call = call_of(value)
        except WireError:
            continue  # written by somebody else
        if call.is_error:
            failed[call.server.id] += 1
            print(call.server.id, failed[call.server.id], flush=True)
