"""Answers of a Kubernetes API server and of a Docker engine, as the tests' JSON files hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from triptych.models.identity import Workload

SERVER, PROXY, INIT, RESTARTED, ETCD = "5f" * 32, "a7" * 32, "1c" * 32, "0d" * 32, "e7" * 32
SEARCH = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
REPORT = "c0ffee00-0000-4000-8000-000000000001"
MANIFEST = "a1b2c3d4" * 4


def recorded(name: str) -> Any:
    """A fresh copy of one file."""
    return json.loads((Path(__file__).parent / "data" / "identity" / f"{name}.json").read_text())


def in_pod(uid: str, container: str | None = None) -> Workload:
    return Workload(id=uid, pod_uid=uid, container_id=container)


def in_container(container: str) -> Workload:
    return Workload(id=container, container_id=container)
