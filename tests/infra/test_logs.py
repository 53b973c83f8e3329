"""Logs are JSON where nobody watches, and one line an event whatever stands in it."""

from __future__ import annotations

import json
import subprocess
import sys

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
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True, timeout=60)
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
