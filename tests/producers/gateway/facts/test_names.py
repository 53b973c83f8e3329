"""Names are published, secrets in the place of names are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from triptych.models.digest import Keyring
from triptych.producers.gateway.facts.names import Names

Build = Callable[..., dict[str, Any]]
TOKEN = "ghp_" + "a1B2" * 9
RANDOM = "q8Zr2LmX9vTk4WpB7yNcQ3"


@pytest.fixture
def names(keyring: Keyring) -> Names:
    return Names(keyring.digest)


@pytest.mark.parametrize(
    "name",
    [
        "read_config",
        "list_kubernetes_deployments_by_namespace",
        "mcp__github__createPullRequestReviewComment",
        "notifications/resources/list_changed",
        "io.modelcontextprotocol/protocolVersion",
        "2026-07-28",
        "claude-desktop 1.4.2",
    ],
)
def test_what_is_made_of_words_is_published(names: Names, name: str) -> None:
    assert names(name) == name


@pytest.mark.parametrize(
    "name",
    [TOKEN, RANDOM, "AKIA" + "ABCDEFGH23456723", "AKIAABCDEF", "ghp_a1B2c3", "xoxb-123456", "0f" * 16, "ab://b:c@d"],
)
def test_what_looks_secret_is_a_digest_even_when_short(names: Names, keyring: Keyring, name: str) -> None:
    assert names(name) == "digest:" + keyring.digest(name)


@pytest.mark.parametrize(
    ("value", "lexeme"),
    [
        (7, "7"),
        ("7", '"7"'),
        ("req-12", '"req-12"'),
        *[(one, f'"{one}"') for one in ["0198c0de-6a1b-7c3d-8e4f-5a6b7c8d9e0f"]],
    ],
)
def test_counters_and_uuids_are_ids_as_they_are(names: Names, value: object, lexeme: str) -> None:
    assert names.identifier(value, lexeme) == lexeme


@pytest.mark.parametrize(
    ("value", "lexeme"), [(RANDOM, f'"{RANDOM}"'), ({"a": 1}, '{"a":1}'), (10**30, "1" + "0" * 30)]
)
def test_other_ids_are_digests(names: Names, keyring: Keyring, value: object, lexeme: str) -> None:
    assert names.identifier(value, lexeme) == "digest:" + keyring.digest(lexeme)


@pytest.mark.parametrize("secret", [TOKEN, RANDOM])
def test_no_field_that_holds_a_name_shows_a_secret(watched: Any, call: Build, secret: str) -> None:
    hello = {"protocolVersion": secret, "clientInfo": {"name": secret, "version": secret}, "capabilities": {secret: {}}}
    events = watched.client({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
    info = {"protocolVersion": secret, "serverInfo": {"name": secret, "version": secret}}
    events += watched.server({"jsonrpc": "2.0", "id": 1, "result": info})
    events += watched.client({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    events += watched.server({"jsonrpc": "2.0", "id": 2, "result": {"tools": [{"name": secret}], "resultType": secret}})
    events += watched.client(call(secret, tool=secret, **{secret: 1}), {"jsonrpc": "2.0", "id": 5, "method": secret})
    events += watched.server({"jsonrpc": "2.0", "id": secret, "result": {"content": [{"type": secret}]}})
    assert len(events) == 7
    assert [record for record in watched.records if secret.encode() in record] == []


def test_a_secret_name_is_the_same_name_in_call_and_definition(signed: Any, call: Build) -> None:
    (asked,) = signed.client(call(1, tool=TOKEN))
    signed.client({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    (listed,) = signed.server({"jsonrpc": "2.0", "id": 2, "result": {"tools": [{"name": TOKEN}]}})
    assert listed.tools[0].name == asked.tool
