"""All signatures together: on any message they fail nowhere, cost no ordinary message a finding, and are written up."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.models.events import (
    ArgumentFact,
    Authorization,
    HttpFact,
    Listing,
    Principal,
    ProtocolEvent,
    ResultFact,
    SecretFact,
    Server,
    ToolDefinition,
)

ROOM = Path(__file__).resolve().parents[3] / "producers" / "gateway"
README = set(
    re.findall(
        r"(?<![\w/-])[a-z]+(?:-[a-z0-9]+)+(?![\w/-])",
        " ".join(re.findall(r"`([^`]+)`", (ROOM / "README.md").read_text())),
    )
)
WORD = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")
NO_FINDINGS = {
    "api-key",
    "latin-1",
    "utf-8",
    "utf-16-be",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "x-mcp-header",
}
RECORDS = (
    ProtocolEvent,
    ArgumentFact,
    Authorization,
    HttpFact,
    Listing,
    Principal,
    ResultFact,
    SecretFact,
    Server,
    ToolDefinition,
)
METHODS = [
    "tools/call",
    "tools/list",
    "prompts/list",
    "resources/templates/list",
    "initialize",
    "server/discover",
    "tasks/get",
    "tasks/list",
    "subscriptions/listen",
    "sampling/createMessage",
    "elicitation/create",
    "notifications/progress",
    "notifications/cancelled",
    "notifications/tasks",
    "notifications/tools/list_changed",
]
MEMBERS = [
    "name",
    "arguments",
    "_meta",
    "cursor",
    "nextCursor",
    "tools",
    "prompts",
    "resultType",
    "inputRequests",
    "inputResponses",
    "requestState",
    "taskId",
    "task",
    "tasks",
    "status",
    "sql",
    "progressToken",
    "requestId",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "capabilities",
    "requestedSchema",
    "properties",
    "inputSchema",
    "ttlMs",
    "cacheScope",
    "instructions",
    "method",
    "params",
    "x-mcp-header",
    "$ref",
]
WORDS = ["task", "input_required", "complete", "working", "completed", "a", "2026-07-28", "select 1 from t", "url"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(WORDS) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)
MESSAGES = st.builds(
    lambda kind, number, method, value: {
        "request": {"jsonrpc": "2.0", "id": number, "method": method, "params": value},
        "notification": {"jsonrpc": "2.0", "method": method, "params": value},
        "result": {"jsonrpc": "2.0", "id": number, "result": value},
        "error": {"jsonrpc": "2.0", "id": number, "error": value},
    }[kind],
    st.sampled_from(["request", "notification", "result", "error"]),
    st.integers(0, 3),
    st.sampled_from(METHODS),
    JSON,
)


@settings(max_examples=300, deadline=None)
@given(talk=st.lists(st.tuples(st.booleans(), MESSAGES), max_size=8))
def test_nothing_fails_on_any_message(signing: Callable[[], Any], talk: list[tuple[bool, dict[str, Any]]]) -> None:
    signed = signing()
    for of_client, message in talk:
        line = json.dumps(message).encode() + b"\n"
        (event,) = signed.client(line) if of_client else signed.server(line)
        assert len(event.evidence) <= 16
        assert all(len(one.detail) <= 128 for one in event.evidence)
    assert signed.observer.shared.failures == {}


def _words(*rooms: str) -> set[str]:
    """Every hyphenated word that the sources of these rooms say outside of docstrings: anomalies, tags, families."""
    found: set[str] = set()
    for path in (path for room in rooms for path in sorted((ROOM / room).glob("*.py"))):
        tree = ast.parse(path.read_text())
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
        }
    return {word for word in found if WORD.fullmatch(word)}


def test_every_anomaly_and_tag_of_the_sources_stands_in_the_readme() -> None:
    assert sorted(_words("observer", "facts") - NO_FINDINGS - README) == []


def test_every_anomaly_and_tag_of_the_readme_is_found_by_somebody() -> None:
    rooms = [path.name for path in ROOM.iterdir() if path.is_dir()]
    assert sorted(README - _words(*rooms)) == []


def test_the_readme_has_a_row_for_each_of_the_28_signatures() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOM / "README.md").read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 29)]


def test_every_field_that_the_readme_leaves_to_the_streams_is_in_the_schema() -> None:
    known = {field.name for record in RECORDS for field in fields(record)}
    table = [line.split("|") for line in (ROOM / "README.md").read_text().splitlines() if re.match(r"\| \d", line)]
    named = {
        part
        for cells in table
        for word in re.findall(r"`([a-z_.\[\]]+)`", cells[4])
        for part in re.split(r"[.\[\]]+", word)
    }
    assert sorted(named - known - {""} - {"create"}) == []
