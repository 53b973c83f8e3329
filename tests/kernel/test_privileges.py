"""Without its privileges the sensor names the one thing that is missing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.kernel

NOBODY = 65534
REQUIRE = """
from triptych.producers.sensor.probe import require
from triptych.models.errors import TriptychError
import os
os.setgid({uid}); os.setuid({uid})
try:
    require()
except TriptychError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_nobody_is_told_which_capability_is_missing() -> None:
    said = subprocess.run(
        [sys.executable, "-c", REQUIRE.format(uid=NOBODY)], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert said.startswith("S02 ")
    assert "CAP_BPF is missing" in said
    assert "run as root, or grant CAP_BPF and CAP_PERFMON" in said
