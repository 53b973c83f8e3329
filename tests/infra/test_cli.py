"""The command line: help at once, errors with their next step, tables for people and JSON for programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.infra import brokers
from triptych.infra.cli.main import COMMANDS
from triptych.infra.settings import Kafka

HEAVY = ("pydantic", "aiohttp", "confluent_kafka", "faust", "fastavro", "numpy", "sklearn", "redis", "starlette")


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "triptych.infra.cli.main", *arguments]
    return subprocess.run(
        argv, check=False, capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, **environment}
    )


def test_help_waits_for_nothing_heavy() -> None:
    """Checked by what is imported: a wall clock would say more of this machine than of us."""
    code = (
        "import sys; from triptych.infra.cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.endswith("loaded: []\n"), done.stdout[-200:]


def test_help_lists_every_command() -> None:
    listed = _run("--help").stdout
    assert [command for command in COMMANDS if command not in listed] == []


def test_a_wrong_setting_is_one_error_and_exit_2() -> None:
    done = _run("--set", "kafka.provider=redpanda", "config")
    assert done.returncode == 2
    assert done.stderr.startswith("C01 kafka.provider = 'redpanda'")
    assert "Traceback" not in done.stderr


def test_an_absent_broker_is_one_error_and_exit_1() -> None:
    done = _run("topics", "plan", TRIPTYCH_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "K01 cannot reach Kafka at 127.0.0.1:1: no answer",
        "    try: is it running? check kafka.bootstrap and kafka.security_protocol",
    ]


def test_debug_shows_where_an_error_comes_from() -> None:
    done = _run("--debug", "--set", "kafka.provider=redpanda", "config")
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("command", ["worker", "sensor", "agent"])
def test_a_command_beside_others_asks_for_a_broker_they_share(command: str) -> None:
    done = _run(command)
    assert (done.returncode, done.stderr[:3]) == (1, "K11")


def test_config_shows_values_with_their_sources_and_hides_secrets(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text('[kafka]\nbootstrap = "b:1"\nsasl_password = "hunter2"\n')
    plain = _run("--config", str(file), "config").stdout
    assert "hunter2" not in plain
    assert ["kafka.bootstrap", "b:1", "file"] in [line.split() for line in plain.splitlines()]
    shown = json.loads(_run("--config", str(file), "--set", "worker.group=g", "config", "--json").stdout)
    values = {value["name"]: (value["value"], value["source"]) for value in shown["settings"]}
    assert (shown["file"], values["worker.group"], values["kafka.provider"]) == (
        str(file),
        ("g", "flag"),
        ("external", "implied"),
    )


def test_doctor_fails_with_the_fix_beside_it() -> None:
    done = _run("doctor", "--json", TRIPTYCH_KAFKA__BOOTSTRAP="127.0.0.1:1")
    assert done.returncode == 1
    kafka = next(result for result in json.loads(done.stdout) if result["check"] == "kafka")
    assert (kafka["verdict"], kafka["detail"][:3], bool(kafka["fix"])) == ("fail", "K01", True)


def test_keys_new_writes_once(tmp_path: Path) -> None:
    path = str(tmp_path / "digest.key")
    assert _run("keys", "new", path).stdout.startswith(f"{path}: key ")
    again = _run("keys", "new", path)
    assert (again.returncode, again.stderr[:3]) == (1, "F03")


@pytest.mark.broker
def test_topics_apply_prints_what_the_broker_holds(kafka: str) -> None:
    done = _run("topics", "apply", "--json", TRIPTYCH_KAFKA__BOOTSTRAP=kafka)
    rows = json.loads(done.stdout)
    assert {row["action"] for row in rows} == {"ok"}
    assert {"mcp.protocol", "mcp.alerts.ocsf"} <= {row["topic"] for row in rows}


def test_the_agent_ends_on_sigterm_having_told_what_was_undelivered(tmp_path: Path) -> None:
    key = tmp_path / "digest.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    with brokers.start(Kafka(provider="embedded")) as broker:
        settings = {"TRIPTYCH_DIGEST__KEY_FILE": str(key), "TRIPTYCH_AGENT__PORT": "0", **broker.environment()}
        agent = subprocess.Popen(
            [sys.executable, "-m", "triptych.infra.cli.main", "agent"],
            env={**os.environ, **settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert agent.stderr is not None
        listening = json.loads(agent.stderr.readline())
        agent.send_signal(signal.SIGTERM)
        said = agent.communicate(timeout=PATIENCE_S)[1]
    assert listening["event"] == "listening"
    assert (agent.returncode, json.loads(said.splitlines()[-1])["undelivered"]) == (0, 0)
