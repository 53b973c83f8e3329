"""Logs are JSON where nobody watches, and one line an event whatever stands in it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from confluent_kafka import Producer
from patience import PATIENCE_S

from triptych.infra import brokers
from triptych.infra.settings import Kafka

CODE = """
import logging
from triptych.infra import logs
log = logs.configure("sensor")
log.info("watching", comm="evil\\nline\\x1b[31m")
logging.getLogger("a.library").warning("says %s", "so")
try: 1 / 0
except ZeroDivisionError: log.exception("failed")
log.debug("unheard")
"""


def test_logs_of_ours_and_of_libraries_are_json_lines_on_stderr() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    first, second, third = (json.loads(line) for line in done.stderr.splitlines())
    assert done.stdout == ""
    assert (first["event"], first["part"], first["level"], first["comm"]) == (
        "watching",
        "sensor",
        "info",
        "evil\nline\x1b[31m",
    )
    assert (second["event"], second["part"]) == ("says so", "sensor")
    assert "ZeroDivisionError" in third["exception"]


def test_a_worker_logs_json_lines_whatever_its_stream_library_thinks_of_logs() -> None:
    with brokers.start(Kafka(provider="embedded")) as broker:
        producer = Producer(broker.client())
        producer.produce("mcp.protocol", b"no record", key="w")
        assert producer.flush(PATIENCE_S) == 0
        words = ["--set", f"kafka.bootstrap={broker.bootstrap}", "--set", "worker.stages=calls", "worker"]
        command = [sys.executable, "-m", "triptych.infra.cli.main", *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if "dead letter" in line:
                    process.send_signal(signal.SIGTERM)
    told = [json.loads(line) for line in lines]
    assert told[0]["event"] == "joining"
    assert [line["topic"] for line in told if line["event"] == "dead letter"] == ["mcp.protocol"]
