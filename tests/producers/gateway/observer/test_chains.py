"""Multi round-trip requests: retries belong to the call that required the input, or are somebody's trick."""

from __future__ import annotations

from typing import Any

import pytest

CANARY = "canary-state-3301"
OTHER = {"baggage": "gen_ai.conversation.id=another"}


def call(number: int = 1, tool: str = "pay", method: str = "tools/call", **params: Any) -> dict[str, Any]:
    arguments = params.pop("arguments", {"to": "ann", "sum": 5})
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": method,
        "params": {"name": tool, "arguments": arguments, **params},
    }


def required(number: int = 1, state: object = "state", **more: Any) -> dict[str, Any]:
    asks = {"who": {"method": "elicitation/create", "params": {"mode": "form"}}, "where": {"method": "roots/list"}}
    result = {"resultType": "input_required", "inputRequests": asks, **({"requestState": state} if state else {})}
    return {"jsonrpc": "2.0", "id": number, "result": result | more}


def done(number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", "content": []}}


def retry(number: int = 2, state: object = "state", **changes: Any) -> dict[str, Any]:
    given = {"requestState": state} if state else {}
    return call(number, **{"inputResponses": {"who": {"action": "accept"}}, **given, **changes})


def open_chain(signed: Any, state: object = "state") -> Any:
    """The event of the call that required input."""
    (first,) = signed.client(call())
    signed.server(required(state=state))
    return first


def only(events: Any) -> Any:
    (event,) = events
    notes = {"request-state-unknown", "request-state-replayed", "retry-changed", "input-responses-unasked"}
    return event, tuple(name for name in event.anomalies if name in notes)


def test_a_required_input_tells_what_is_asked_and_its_state(signed: Any, keyring: Any) -> None:
    (asked,) = signed.client(call())
    (reply,) = signed.server(required())
    assert reply.input_requests == ("elicitation/create", "roots/list")
    assert reply.request_state_digest == keyring.digest("state")
    assert (reply.root_call_id, asked.root_call_id) == (asked.call_id, "")


@pytest.mark.parametrize("state", ["state", None])
def test_the_retry_and_its_reply_name_the_first_call(signed: Any, state: object) -> None:
    first = open_chain(signed, state)
    again, notes = only(signed.client(retry(state=state)))
    (reply,) = signed.server(done(2))
    assert notes == ()
    assert again.root_call_id == reply.root_call_id == first.call_id != again.call_id
    assert again.arguments_digest == first.arguments_digest


def test_a_chain_of_many_rounds_has_one_root(signed: Any) -> None:
    first = open_chain(signed)
    for number in range(2, 6):
        again, notes = only(signed.client(retry(number, state=f"s{number - 1}" if number > 2 else "state")))
        signed.server(required(number, state=f"s{number}"))
        assert (again.root_call_id, notes) == (first.call_id, ())


def test_a_state_never_issued_here_is_an_anomaly(signed: Any) -> None:
    open_chain(signed)
    event, notes = only(signed.client(retry(state="forged")))
    assert notes == ("request-state-unknown",)
    assert event.evidence[0].detail == "never issued through this gateway"


def test_a_state_issued_to_another_conversation_is_an_anomaly(signed: Any) -> None:
    open_chain(signed)
    event, notes = only(signed.client(retry(_meta=OTHER)))
    assert notes == ("request-state-unknown",)
    assert event.evidence[0].detail == "issued to another conversation"


def test_a_state_after_its_complete_result_is_a_replay(signed: Any) -> None:
    open_chain(signed)
    signed.client(retry())
    signed.server(done(2))
    assert only(signed.client(retry(3)))[1] == ("request-state-replayed",)


def test_a_retry_after_an_error_is_none(signed: Any) -> None:
    open_chain(signed)
    signed.client(retry())
    signed.server({"jsonrpc": "2.0", "id": 2, "error": {"code": -32603, "message": "try again"}})
    assert only(signed.client(retry(3)))[1] == ()


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"arguments": {"to": "eve", "sum": 5}}, "arguments"),
        ({"tool": "other"}, "tool, arguments"),
        ({"method": "prompts/get"}, "method, tool"),
    ],
)
def test_a_retry_with_something_else_is_an_anomaly(signed: Any, changes: dict[str, Any], detail: str) -> None:
    open_chain(signed)
    event, notes = only(signed.client(retry(**changes)))
    assert (notes, event.evidence[0].detail) == (("retry-changed",), detail)


def test_the_order_of_arguments_is_no_change(signed: Any) -> None:
    open_chain(signed)
    assert only(signed.client(retry(arguments={"sum": 5, "to": "ann"})))[1] == ()


def test_answers_that_nobody_asked_for_are_an_anomaly(signed: Any) -> None:
    event, notes = only(signed.client(retry(state=None)))
    assert (notes, event.evidence[0].detail) == (("input-responses-unasked",), "no result required input")
    open_chain(signed)
    event, notes = only(signed.client(retry(3, inputResponses={"who": {}, "extra": {}})))
    assert (notes, event.evidence[0].detail) == (("input-responses-unasked",), "1 of 2 were never required")


def test_a_retry_without_a_state_is_found_by_its_request(signed: Any) -> None:
    open_chain(signed, None)
    event, notes = only(signed.client(retry(state=None, arguments={"to": "eve"})))
    assert (notes, event.evidence[0].detail) == (("retry-changed",), "arguments")


def test_neither_states_nor_answers_are_published(signed: Any) -> None:
    open_chain(signed, CANARY)
    signed.client(retry(state=CANARY, inputResponses={"who": {"content": {"name": CANARY}}}))
    signed.client(retry(3, state={"odd": CANARY}))
    assert CANARY.encode() not in b"".join(signed.records)
