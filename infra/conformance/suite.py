"""The npm package of the conformance suite as a function: scenarios in, outcomes out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import ProgramError
from . import peers
from .compare import Outcome

__all__ = ["REVISIONS", "client", "client_scenarios", "server", "server_scenario"]

REVISIONS = ("2025-11-25", "2026-07-28")
_SUITE_S = 300
_SCENARIO_S = 120
_RESULT = re.compile(r"^(?:server-)?(?P<name>.+)-\d{4}-\d\d-\d\dT[\dZ-]+$")
_NO_RESULT: Outcome = (("no result", "FAILURE"),)


def server(url: str, revision: str) -> dict[str, Outcome]:
    """Every server scenario that the revision requires, and those it only reports, against one server."""
    with tempfile.TemporaryDirectory() as folder:
        _run(["server", "--url", url, "--requirements", revision, "-o", folder], _SUITE_S)
        return _results(Path(folder))


def server_scenario(name: str, url: str, revision: str) -> Outcome:
    """One server scenario, again."""
    return _one(["server", "--url", url, "--scenario", name, "--spec-version", revision, "--force"])


def client_scenarios(revision: str) -> list[str]:
    """Names of the client scenarios that the revision requires or reports."""
    listed = _run(["list", "--requirements", revision], _SCENARIO_S)
    required = listed.partition("Client scenarios")[2].partition("Run and reported")[0]
    reported = re.findall(r"- (\S+) \[client\]", listed)
    return re.findall(r"^ +- (\S+)$", required, re.MULTILINE) + reported


def client(name: str, command: Sequence[str], revision: str) -> Outcome:
    """One client scenario: the suite plays the server, and starts `command` with its URL as the last argument."""
    milliseconds = str((_SCENARIO_S - 20) * 1000)
    given = ["--command", " ".join(command), "--timeout", milliseconds]
    return _one(["client", *given, "--scenario", name, "--spec-version", revision, "--force"])


def _one(arguments: list[str]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        _run([*arguments, "-o", folder], _SCENARIO_S)
        return next(iter(_results(Path(folder)).values()), _NO_RESULT)


def _run(arguments: list[str], patience_s: int) -> str:
    """What the suite prints. It exits 1 where a check fails, which is for us to compare."""
    argv = [*peers.node("conformance"), *arguments]
    environment = {**os.environ, "NO_COLOR": "1"}
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=patience_s, env=environment)
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode not in (0, 1):
        raise ProgramError(f"the conformance suite ended with {done.returncode}: {done.stderr[-500:]}", code="P02")
    return done.stdout


def _results(folder: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for file in sorted(folder.rglob("checks.json")):
        name = _RESULT.match(str(file.parent.relative_to(folder)))
        checks = [(check["id"], check["status"]) for check in json.loads(file.read_text())]
        found[name["name"] if name else file.parent.name] = tuple(sorted(one for one in checks if one[1] != "INFO"))
    return found
