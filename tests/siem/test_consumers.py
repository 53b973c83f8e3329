"""The same findings through consumers of others, each in a group of its own, over TLS, as the SIEM's principal."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from siem.held import CONFIGS, Held, told

from triptych.infra.conformance import peers
from triptych.infra.process import running
from triptych.infra.siem import install
from triptych.models import topics
from triptych.models.errors import TriptychError

pytestmark = pytest.mark.siem

PATIENCE_S = 90


def lines_of(output: Path, wanted: int, alive: Callable[[], bool]) -> list[bytes]:
    """The lines a consumer wrote, once they are as many as wanted; what else it writes in a moment would show too."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and alive():
        if output.exists() and output.read_bytes().count(b"\n") >= wanted:
            time.sleep(0.5)
            break
        time.sleep(0.1)
    return output.read_bytes().splitlines() if output.exists() else []


def test_rsyslog_reads_every_finding(held: Held, program: Any, tmp_path: Path) -> None:
    rsyslogd, output = program("rsyslogd", "rsyslog rsyslog-kafka"), tmp_path / "findings.ndjson"
    config, log = CONFIGS / "rsyslog" / "triptych.conf", tmp_path / "log"
    environment = {**held.environment(), "FINDINGS_FILE": str(output)}
    argv = (rsyslogd, "-n", "-f", str(config), "-i", str(tmp_path / "pid"))
    with running(argv, log=log, env=environment, cwd=tmp_path) as process:
        lines = lines_of(output, len(held.records), lambda: process.poll() is None)
    assert sorted(told(lines)) == sorted(held.records), log.read_text()[-500:]


def test_kcat_reads_every_finding(held: Held, program: Any) -> None:
    own = {"sasl.mechanism": "PLAIN", "auto.offset.reset": "earliest", "enable.partition.eof": "true"}
    properties = {**held.broker.client("siem"), **own}
    del properties["bootstrap.servers"]
    options = [word for name, value in properties.items() for word in ("-X", f"{name}={value}")]
    argv = (
        program("kcat", "kcat"),
        "-b",
        held.broker.address,
        *options,
        "-e",
        "-q",
        "-G",
        "siem-kcat",
        topics.ALERTS_OCSF,
    )
    done = subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S)
    assert sorted(told(done.stdout.splitlines())) == sorted(held.records)


def test_kafkajs_reads_every_finding(held: Held, require: Any, tmp_path: Path) -> None:
    try:
        node, modules = peers.runtime(), peers.modules(install.NPM)
    except TriptychError as error:
        require("siem", str(error))
    shutil.copy(CONFIGS / "kafkajs" / "read.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    output, log = tmp_path / "findings.ndjson", tmp_path / "log"
    argv = ("sh", "-c", f"exec {node} {tmp_path}/read.mjs >{output}")
    with running(argv, log=log, env=held.environment(), cwd=tmp_path) as process:
        lines = lines_of(output, len(held.records), lambda: process.poll() is None)
    assert sorted(told(lines)) == sorted(held.records), log.read_text()[-500:]


def test_confluent_kafka_reads_every_finding_with_its_headers(held: Held) -> None:
    own = {"group.id": "siem-confluent", "auto.offset.reset": "earliest"}
    consumer = Consumer({**held.broker.client("siem"), **own})
    consumer.subscribe([topics.ALERTS_OCSF])
    messages, deadline = [], time.monotonic() + PATIENCE_S
    while len(messages) < len(held.records) and time.monotonic() < deadline:
        messages += consumer.consume(len(held.records), 0.5)
    consumer.close()
    assert sorted(told([message.value() for message in messages])) == sorted(held.records)
    for message in messages:
        event, headers = json.loads(message.value()), dict(message.headers())
        assert message.key().decode() == event["finding_info"]["uid"]
        assert int(headers["severity-id"]) == event["severity_id"]
        assert headers["ocsf-version"].decode() == event["metadata"]["version"]


def test_tenzir_reads_every_finding_and_knows_its_class(held: Held, tmp_path: Path) -> None:
    try:
        tenzir = peers.python("tenzir", install.TENZIR)
    except TriptychError as error:
        pytest.skip(f"optional, 590 MB: python -m triptych.infra.siem.install --tenzir ({error.code})")
    pipeline = (CONFIGS / "tenzir" / "triptych.tql").read_text() + "\nocsf_cast\nwrite_ndjson\nsave_stdout\n"
    output, log = tmp_path / "findings.ndjson", tmp_path / "log"
    (tmp_path / "run.tql").write_text(pipeline)
    argv = ("sh", "-c", f"exec {tenzir} --color=never -f {tmp_path}/run.tql >{output}")
    with running(argv, log=log, env=held.environment(), cwd=tmp_path) as process:
        lines = lines_of(output, len(held.records), lambda: process.poll() is None)
    assert sorted(told(lines)) == sorted(held.records), log.read_text()[-500:]
    assert "does not exist" not in log.read_text()
