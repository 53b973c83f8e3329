"""What configurations say in a SIEM's own language, by that language's own parser or runtime; no Kafka."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from siem.held import CONFIGS, stories

from triptych.infra.conformance import peers
from triptych.infra.siem import golden, install
from triptych.models import ocsf
from triptych.models.errors import TriptychError

pytestmark = pytest.mark.siem

SENTINEL = CONFIGS / "sentinel"


def kql_problems(require: Any, *asked: dict[str, Any]) -> list[list[str]]:
    try:
        argv = [peers.runtime(), str(SENTINEL / "check.mjs"), str(peers.modules(install.KUSTO))]
    except TriptychError as error:
        require("siem", str(error))
    done = subprocess.run(argv, input=json.dumps(asked).encode(), capture_output=True, check=True, timeout=90)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_microsoft_s_parser_takes_the_queries_for_sentinel(require: Any) -> None:
    table = json.loads((SENTINEL / "table.json").read_text())["properties"]["schema"]
    rule = json.loads((SENTINEL / "dcr.json").read_text())["properties"]
    declared = rule["streamDeclarations"]["Custom-TriptychFindings"]["columns"]
    columns = [{**one, "type": one["type"].replace("boolean", "bool")} for one in declared]
    query, transform = (SENTINEL / "findings.kql").read_text(), rule["dataFlows"][0]["transformKql"]
    found = kql_problems(
        require,
        {"table": table["name"], "columns": table["columns"], "query": query},
        {"table": "source", "columns": columns, "query": transform},
        {"table": table["name"], "columns": table["columns"], "query": query.replace("RiskScore", "NoScore")},
    )
    assert found[:2] == [[], []]
    assert any("NoScore" in problem for problem in found[2]), "a parser that takes everything proves nothing"


def test_vector_s_program_leaves_out_tests_and_says_what_to_route_by(tmp_path: Path) -> None:
    try:
        program = peers.python("vrl", install.VRL)
    except TriptychError as error:
        pytest.skip(f"optional, some minutes: python -m triptych.infra.siem.install --vrl ({error.code})")
    source = tmp_path / "alerts.vrl"
    source.write_text(
        yaml.safe_load((CONFIGS / "vector" / "vector.yaml").read_text())["transforms"]["alerts"]["source"]
    )
    findings = [ocsf.render(alert, tenant="acme") + b"\n" for alert in stories()]
    events = b"".join([golden.line(), *findings])
    done = subprocess.run([program, str(source)], input=events, capture_output=True, check=True, timeout=90)
    read, written = [json.loads(line) for line in findings], [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["finding"] for one in written] == [one["finding_info"]["uid"] for one in read]
    assert all(one["rule"] and one["trace"] and one["timestamp"].startswith("20") for one in written)
