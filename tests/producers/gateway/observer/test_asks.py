"""What servers ask of clients: within their rights, or not."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.producers.gateway.observer.asks import asked, features

CANARY = "canary-elicited-1177"


def ask(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def form(message: str = "Please fill this in", **properties: Any) -> dict[str, Any]:
    return {"message": message, "requestedSchema": {"type": "object", "properties": properties}}


def handshake(signed: Any, **capabilities: Any) -> None:
    signed.client(ask("initialize", 0, protocolVersion="2025-11-25", capabilities=capabilities))
    signed.server({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-11-25"}})


def test_sampling_within_a_call_of_a_client_that_offers_it_is_fine(signed: Any) -> None:
    handshake(signed, sampling={})
    signed.client(ask("tools/call", name="x"))
    assert signed.server(ask("sampling/createMessage", 9, messages=[]))[0].anomalies == ()


def test_sampling_outside_a_call_is_an_anomaly(signed: Any) -> None:
    handshake(signed, sampling={})
    (event,) = signed.server(ask("sampling/createMessage", 9, messages=[]))
    assert event.anomalies == ("server-request-outside-call",)
    signed.client(ask("tools/call", name="x"))
    signed.server({"jsonrpc": "2.0", "id": 1, "result": {}})
    assert signed.server(ask("sampling/createMessage", 8))[0].anomalies == ("server-request-outside-call",)


def test_roots_and_ping_need_no_call(signed: Any) -> None:
    handshake(signed, roots={})
    assert [event.anomalies for event in signed.server(ask("roots/list", 8), ask("ping", 9))] == [(), ()]


def test_a_task_that_runs_is_a_call_too(signed: Any) -> None:
    handshake(signed, sampling={})
    signed.client(ask("tools/call", name="x", task={}))
    signed.server({"jsonrpc": "2.0", "id": 1, "result": {"task": {"taskId": "t", "status": "working"}}})
    assert signed.server(ask("sampling/createMessage", 9))[0].anomalies == ()


def test_any_request_of_a_server_in_the_modern_era_is_an_anomaly(signed: Any) -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    signed.client(
        ask("tools/call", name="x", _meta=meta | {"io.modelcontextprotocol/clientCapabilities": {"roots": {}}})
    )
    (event,) = signed.server(ask("roots/list", 9))
    assert event.anomalies == ("server-request-in-modern-era",)


@pytest.mark.parametrize(
    ("method", "params", "capability"),
    [
        ("sampling/createMessage", {}, "sampling"),
        ("roots/list", {}, "roots"),
        ("elicitation/create", form(), "elicitation"),
        ("elicitation/create", {"mode": "url", "url": "https://x"}, "elicitation.url"),
        ("sampling/createMessage", {"tools": [{}]}, "sampling.tools"),
    ],
)
def test_what_the_client_did_not_offer_must_not_be_asked(method: str, params: dict[str, Any], capability: str) -> None:
    assert list(asked(method, params, ())) == [("undeclared-capability", capability)]
    assert list(asked(method, params, {capability})) == []


def test_features_are_capabilities_and_their_parts() -> None:
    assert features({"elicitation": {"url": {}}, "roots": {"listChanged": True}, "sampling": None}) == {
        "elicitation",
        "elicitation.url",
        "roots",
        "roots.listChanged",
        "sampling",
    }
    assert features(["sampling"]) == frozenset()


@pytest.mark.parametrize(
    "params",
    [
        form(password={"type": "string"}),
        form(apiKey={"type": "string"}),
        form(value={"title": "GitHub personal access token"}),
        form(value={"type": "string", "description": "The one-time code we sent you"}),
        form(pin={"type": "integer"}),
        form("Please enter your database password", value={"type": "string"}),
        form(card_number={}, cvc={}),
    ],
)
def test_a_form_that_asks_for_credentials_is_an_anomaly(params: dict[str, Any]) -> None:
    assert [anomaly for anomaly, _ in asked("elicitation/create", params, {"elicitation"})] == ["elicits-credentials"]


@pytest.mark.parametrize(
    "params",
    [
        form(name={"type": "string"}, pinned={"type": "boolean"}),
        form(max_tokens={"type": "integer"}),
        form("Your password was changed", ok={"type": "boolean"}),
        form(compass={"title": "Which way?"}),
        {"mode": "url", "message": "Enter your password there", "url": "https://id.example/login"},
        {},
        {"requestedSchema": {"properties": [1]}},
    ],
)
def test_an_ordinary_form_is_none(params: dict[str, Any]) -> None:
    assert list(asked("elicitation/create", params, {"elicitation", "elicitation.url"})) == []


@pytest.mark.parametrize(
    ("context", "said"), [("thisServer", "thisServer"), ("allServers", "allServers"), (CANARY, "other")]
)
def test_sampling_that_wants_the_context_is_an_anomaly(context: str, said: str) -> None:
    assert list(asked("sampling/createMessage", {"includeContext": context}, {"sampling"})) == [
        ("sampling-context", said)
    ]
    assert list(asked("sampling/createMessage", {"includeContext": "none"}, {"sampling"})) == []


def test_where_a_user_is_sent_is_an_argument_fact_that_names_the_host(signed: Any, keyring: Any) -> None:
    handshake(signed, elicitation={"url": {}})
    signed.client(ask("tools/call", name="x"))
    (event,) = signed.server(ask("elicitation/create", 9, mode="url", message="Go", url="https://id.example/login"))
    (fact,) = event.arguments
    assert (fact.pointer, fact.kind) == ("/url", "url")
    assert keyring.digest("id.example:443") in fact.digests


def test_an_error_that_demands_a_url_counts_as_asking(signed: Any) -> None:
    handshake(signed)
    signed.client(ask("tools/call", name="x"))
    data = {"elicitations": [{"mode": "url", "url": "https://id.example/login"}]}
    (event,) = signed.server({"jsonrpc": "2.0", "id": 1, "error": {"code": -32042, "message": "m", "data": data}})
    assert event.anomalies == ("undeclared-capability",)
    assert len(event.arguments) == 1


def test_nothing_of_what_is_asked_or_answered_is_published(signed: Any) -> None:
    handshake(signed, elicitation={}, sampling={})
    signed.client(ask("tools/call", name="x"))
    asking = form(f"Please enter your password {CANARY}", password={"title": CANARY, "description": CANARY})
    signed.server(ask("elicitation/create", 9, **asking))
    signed.client({"jsonrpc": "2.0", "id": 9, "result": {"action": "accept", "content": {"password": CANARY}}})
    assert CANARY.encode() not in b"".join(signed.records)
