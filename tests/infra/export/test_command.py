from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S, eventually

from triptych.infra.process import running


@pytest.mark.broker
def test_the_command_runs_until_it_is_told_to_end_and_says_what_it_did(kafka: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    secret = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-canary"}
    argv = [sys.executable, "-m", "triptych.infra.cli.main", "--set", f"kafka.bootstrap={kafka}", "export", "otlp"]
    argv += ["--endpoint", "http://127.0.0.1:9", "--group", "of-this-test", "--signal", "logs"]
    with running(argv, log=log, env={**os.environ, **secret}, cwd=tmp_path) as process:
        eventually(lambda: process.poll() is not None or "exporting" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert "ended" in log.read_text()
    assert "planted-canary" not in log.read_text()


def test_a_signal_that_is_none_is_refused(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "triptych.infra.cli.main", "export", "otlp", "--signal", "metrics"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "spans, logs" in done.stderr
