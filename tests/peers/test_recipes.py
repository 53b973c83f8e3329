"""The recipes in other clients run against a real Kafka and read the findings that stand there."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from triptych.infra.bench.streams.contenders import quixstreams
from triptych.infra.conformance import peers
from triptych.infra.siem import install
from triptych.models.emitting import finding_about, records_of
from triptych.models.errors import TriptychError
from triptych.models.testing import call, read
from triptych.models.wire import bundled

pytestmark = [pytest.mark.broker, pytest.mark.peers]

EXAMPLES = Path(__file__).resolve().parents[2] / "infra" / "examples"
PATIENCE_S = 90


@pytest.fixture
def finding(kafka: str) -> str:
    """The id of a finding that no other test sends."""
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    about = call("report", read("/srv/payroll/2026.csv"))
    alert = finding_about(about, rule="payroll", title="The payroll was read", severity="high", dedup=uuid.uuid4().hex)
    for topic, key, value, headers in records_of(alert, bundled()):
        producer.produce(topic, value, key, headers=list(headers))
    assert producer.flush(PATIENCE_S) == 0
    return alert.finding_uid


def reads(command: list[str], wanted: str, folder: Path) -> bool:
    """Whether the program prints it; a program that runs for ever is ended then."""
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and wanted not in log.read_text():
            time.sleep(0.2)
        return wanted in log.read_text()
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def test_kafkajs_reads_findings(kafka: str, finding: str, require: Any, tmp_path: Path) -> None:
    try:
        node, modules = peers.runtime(), peers.modules(install.NPM)
    except TriptychError as error:
        require("peers", str(error))
    shutil.copy(EXAMPLES / "kafkajs_findings.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    assert reads([node, "kafkajs_findings.mjs", kafka], finding, tmp_path)


def test_quixstreams_reads_findings(kafka: str, finding: str, require: Any, tmp_path: Path) -> None:
    if not quixstreams.current:
        require("peers", "quixstreams is fetched by python -m triptych.infra.examples.install")
    assert reads([str(quixstreams.python), str(EXAMPLES / "quix_findings.py"), kafka], finding, tmp_path)
