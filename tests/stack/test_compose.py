"""docker-compose.yml as it stands: the story runs in containers, and its findings are on the published broker."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from triptych.infra.demo.tape import Tape

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def compose(docker: dict[str, str], *arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", "--project-directory", str(ROOT), *arguments],
        env=docker,
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def model(docker: dict[str, str]) -> dict[str, Any]:
    """The file as compose understands it."""
    parsed: dict[str, Any] = json.loads(compose(docker, "config", "--format", "json").stdout)
    return parsed


@pytest.fixture(scope="module")
def played(docker: dict[str, str]) -> Iterator[subprocess.CompletedProcess[str]]:
    """The stack, up and with its story told."""
    try:
        up = compose(docker, "up", "--detach", "--build")
        assert up.returncode == 0, up.stderr[-3000:] + compose(docker, "logs", "--tail", "20").stdout
        compose(docker, "wait", "story", timeout=300)
        yield compose(docker, "logs", "--no-log-prefix", "story")
    finally:
        compose(docker, "down", "--volumes", "--timeout", "5")


def test_nothing_is_privileged_and_only_loopback_is_published(model: dict[str, Any]) -> None:
    services = model["services"].values()
    assert not any(service.get("privileged") for service in services)
    ports = [port for service in services for port in service.get("ports", ())]
    assert ports and {port.get("host_ip") for port in ports} == {"127.0.0.1"}


def test_only_the_sensor_sees_the_host_and_it_holds_few_capabilities(model: dict[str, Any]) -> None:
    services = model["services"]
    assert [name for name, service in services.items() if service.get("pid") == "host"] == ["sensor"]
    assert set(services["sensor"]["cap_add"]) == {"BPF", "PERFMON", "SYS_PTRACE"}


def test_every_part_that_stays_says_whether_it_is_healthy(model: dict[str, Any]) -> None:
    staying = [service for service in model["services"].values() if service.get("restart") != "no"]
    assert staying and all("healthcheck" in service for service in staying)


def test_the_story_passes_its_own_checks(docker: dict[str, str], played: subprocess.CompletedProcess[str]) -> None:
    exits = compose(docker, "ps", "--all", "--format", "{{.ExitCode}}", "story").stdout.strip()
    assert exits == "0", played.stdout[-4000:] + played.stderr[-2000:]


def test_a_consumer_outside_the_stack_reads_one_finding_for_each_attack(
    played: subprocess.CompletedProcess[str],
) -> None:
    with closing(Tape({"bootstrap.servers": "localhost:9092"}, ("mcp.alerts.ocsf",))) as tape:
        findings = [json.loads(message.value() or b"") for message in tape.rest()]
    assert {finding["class_uid"] for finding in findings} == {2004}
    assert len({finding["finding_info"]["uid"] for finding in findings}) == 2
