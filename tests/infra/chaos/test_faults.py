"""Every control still breaks something that the product has."""

from __future__ import annotations

import subprocess
import sys

import pytest
from patience import PATIENCE_S

from triptych.infra.chaos.faults import FAULTS, install
from triptych.infra.chaos.scenarios import SCENARIOS
from triptych.models.errors import ConfigError


def test_each_fault_finds_the_promise_it_breaks() -> None:
    """In a process of its own: nothing mends it again."""
    code = "from triptych.infra.chaos.faults import *\nfor name in FAULTS: install(name)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fault_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="committed-on-read"):
        install("none")


def test_every_scenario_has_a_control_that_breaks_something() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.control.fault in FAULTS or not scenario.control.durable
