"""Tokens, ids, subscriptions and spans: what is referred to must have been given."""

from __future__ import annotations

from typing import Any

import pytest

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def ask(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def done(number: int = 1, **result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def tell(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def progress(token: object) -> dict[str, Any]:
    return tell("notifications/progress", progressToken=token, progress=1)


@pytest.mark.parametrize("token", ["abc", 7])
def test_progress_of_a_call_that_asked_for_it_is_fine(signed: Any, token: object) -> None:
    signed.client(ask("tools/call", name="x", _meta={"progressToken": token}))
    assert signed.server(progress(token))[0].anomalies == ()


@pytest.mark.parametrize(("given", "used"), [("7", 7), ("a", "b"), (7, {"x": 1}), (1, None)])
def test_progress_for_a_token_never_given_is_an_anomaly(signed: Any, given: object, used: object) -> None:
    signed.client(ask("tools/call", name="x", _meta={"progressToken": given}))
    (event,) = signed.server(progress(used))
    assert (event.anomalies, event.evidence[0].detail) == (("unknown-progress-token",), "never given")


def test_a_token_belongs_to_the_side_that_gave_it(signed: Any) -> None:
    signed.client(ask("tools/call", name="x", _meta={"progressToken": 7}))
    assert signed.client(progress(7))[0].anomalies == ("unknown-progress-token",)


def test_progress_behind_the_reply_is_an_anomaly(signed: Any) -> None:
    signed.client(ask("tools/call", name="x", _meta={"progressToken": 7}))
    *_, late = signed.server(progress(7), done(), progress(7))
    assert (late.anomalies, late.evidence[0].detail) == (("unknown-progress-token",), "its call is over")


def test_progress_of_a_task_goes_on_behind_the_reply(signed: Any) -> None:
    signed.client(ask("tools/call", name="x", _meta={"progressToken": 7}))
    *_, late = signed.server(done(resultType="task", taskId="t", status="working"), progress(7))
    assert late.anomalies == ()


def cancel(number: object) -> dict[str, Any]:
    return tell("notifications/cancelled", requestId=number)


def test_to_cancel_what_was_never_asked_is_an_anomaly(signed: Any) -> None:
    signed.client(ask("tools/call", name="x"))
    assert signed.client(cancel("1"))[0].anomalies == ("unknown-cancelled-id",)


@pytest.mark.parametrize("answered", [False, True])
def test_to_cancel_what_was_asked_is_fine_even_too_late(signed: Any, answered: bool) -> None:
    signed.client(ask("tools/call", name="x"))
    if answered:
        signed.server(done())
    assert signed.client(cancel(1))[0].anomalies == ()


def changed(subscription: object) -> dict[str, Any]:
    return tell("notifications/tools/list_changed", _meta={"io.modelcontextprotocol/subscriptionId": subscription})


def test_a_subscription_is_known_by_the_request_that_opened_it(signed: Any) -> None:
    (asked,) = signed.client(ask("subscriptions/listen", 5, notifications={}))
    fine, strange = signed.server(changed(5), changed("5"))
    assert (fine.anomalies, strange.anomalies) == ((), ("unknown-subscription",))
    assert asked.subscription_digest == fine.subscription_digest != strange.subscription_digest


def test_a_subscription_ends_with_its_reply(signed: Any) -> None:
    signed.client(ask("subscriptions/listen", 5, notifications={}))
    assert signed.server(done(5), changed(5))[1].anomalies == ("unknown-subscription",)


def test_one_span_is_one_request(signed: Any) -> None:
    first, second = signed.client(*(ask("tools/call", n, name="x", _meta={"traceparent": TRACE}) for n in (1, 2)))
    assert (first.anomalies, second.anomalies) == ((), ("span-reused",))


@pytest.mark.parametrize(
    "again", [ask("tasks/get", 2, taskId="x"), ask("tools/call", 2, name="x", requestState="s"), ask("ping", 2)]
)
def test_what_continues_a_request_may_share_its_span(signed: Any, again: dict[str, Any]) -> None:
    signed.client(ask("tools/call", name="x", _meta={"traceparent": TRACE}))
    again["params"]["_meta"] = {"traceparent": TRACE}
    assert "span-reused" not in signed.client(again)[0].anomalies
