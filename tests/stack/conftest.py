"""A Docker engine and the base images: those of the machine where it has them, else our own stand-ins."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from triptych.infra.kafka.jars import fetch
from triptych.infra.process import running, tail

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = ROOT / "infra" / "docker" / "stand-in"
BASES = ("debian:bookworm-slim", "apache/kafka:4.3.1", "redis:7-alpine")
_READY_S = 60


@pytest.fixture(scope="session")
def docker(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, str], NoReturn]
) -> Iterator[dict[str, str]]:
    """The environment under which docker talks to an engine that has the base images."""
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        if not _answers(environment):
            if os.geteuid() != 0:
                require("stack", "no Docker engine answers, and only root can start one")
            environment["DOCKER_HOST"] = stack.enter_context(_engine(tmp_path_factory.mktemp("engine"), require))
        if not all(_has(image, environment) for image in BASES):
            subprocess.run([STAND_IN / "images", fetch()], env=environment, check=True, timeout=900)
        yield environment


@contextlib.contextmanager
def _engine(folder: Path, require: Callable[[str, str], NoReturn]) -> Iterator[str]:
    """An engine of our own, with a folder of its own; yields its address."""
    made = subprocess.run([STAND_IN / "engine"], check=False, capture_output=True, text=True, timeout=600)
    if made.returncode != 0:
        require("stack", made.stderr.strip() or "no Docker engine could be installed")
    address, log = f"unix://{folder}/docker.sock", folder / "log"
    state = [f"--{name}-root={folder}/{name}" for name in ("data", "exec")]
    with running(["dockerd", f"--host={address}", f"--pidfile={folder}/pid", *state], log=log, patience_s=30):
        deadline = time.monotonic() + _READY_S
        while not _answers({**os.environ, "DOCKER_HOST": address}):
            if time.monotonic() > deadline:
                require("stack", f"the Docker engine did not start:\n{tail(log)}")
            time.sleep(0.5)
        yield address


def _answers(environment: Mapping[str, str]) -> bool:
    return shutil.which("docker") is not None and _succeeds(["docker", "info"], environment)


def _has(image: str, environment: Mapping[str, str]) -> bool:
    inspected = _succeeds(["docker", "image", "inspect", image], environment)
    return inspected or _succeeds(["docker", "pull", "--quiet", image], environment)


def _succeeds(argv: list[str], environment: Mapping[str, str]) -> bool:
    return subprocess.run(argv, env=environment, check=False, capture_output=True, timeout=300).returncode == 0
