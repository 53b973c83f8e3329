"""Who reads the topics beside our worker: each a program of its own on one core, timed between two marks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from ....models import topics
from ....models.wire import SCHEMAS
from ..environments import Environment
from ..errors import BenchError
from .filling import Mix

__all__ = ["BARE", "CORE", "QUIX", "STOCK", "calls_per_cpu_second", "quixstreams"]

BARE, STOCK, QUIX = "bare confluent-kafka + fastavro", "stock Faust, only decoding", "Quix Streams, only decoding"
CORE = 0
_HERE = Path(__file__).parent
_PATIENCE_S = 120
_EVENTS = {topics.PROTOCOL: "triptych.ProtocolEvent", topics.EXECUTION: "triptych.ExecutionBatch"}

quixstreams = Environment(name="quixstreams", pins=_HERE / "pins" / "quixstreams.txt")


def calls_per_cpu_second(name: str, mix: Mix) -> float:
    """What one program reads of a backlog, from the first batch to the last record. Raises BenchError B01."""
    group = f"bench-{uuid4().hex[:8]}"
    mix.skip(group)
    mix.send()
    given = {
        "bootstrap": mix.bootstrap,
        "partitions": mix.partitions,
        "group": group,
        "schemas": _schemas(),
        "marks": (1, len(mix.records)),
    }
    try:
        done = _run(_programs()[name], json.dumps(given))
        (first, began), (last, ended) = (map(float, line.split()) for line in done.stdout.split("\n")[:2])
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise BenchError(f"{name} did not read the topics: {error}", "run it by hand", code="B01") from None
    return (last - first) / mix.records_per_call / (ended - began)


def _run(program: Sequence[str], given: str) -> subprocess.CompletedProcess[str]:
    argv = ("taskset", "-c", str(CORE), *program, given)
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_PATIENCE_S)


def _programs() -> Mapping[str, tuple[str, ...]]:
    package = __name__.rpartition(".")[0]
    return {
        BARE: (sys.executable, "-m", f"{package}.bare"),
        STOCK: (sys.executable, "-m", f"{package}.stock"),
        QUIX: (str(quixstreams.python), str(_HERE / "quix.py")),
    }


def _schemas() -> dict[str, object]:
    return {topic: json.loads((SCHEMAS / f"{name}.avsc").read_text()) for topic, name in _EVENTS.items()}
