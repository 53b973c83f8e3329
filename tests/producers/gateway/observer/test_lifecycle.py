"""Who may speak when: handshake, eras, versions."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.producers.gateway.observer.lifecycle import Lifecycle

VERSION = "io.modelcontextprotocol/protocolVersion"
MODERN = {VERSION: "2026-07-28"}
NOTES = frozenset({"before-initialize", "removed-method", "version-downgrade"})


def ask(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def done(number: int = 1, **result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def refused(number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "no"}}


@pytest.fixture
def strict(watch: Any) -> Any:
    return watch(watchers=(Lifecycle(),))


def said(events: Any) -> list[tuple[str, ...]]:
    return [tuple(sorted(NOTES.intersection(event.anomalies))) for event in events]


def test_a_legacy_request_before_initialize_is_out_of_order(strict: Any) -> None:
    assert said(strict.client(ask("tools/call", name="x"), ask("ping", 2))) == [("before-initialize",), ()]


def test_after_initialize_it_is_in_order(strict: Any) -> None:
    strict.client(ask("initialize", protocolVersion="2025-06-18"))
    assert said(strict.client(ask("tools/list", 2))) == [()]


def test_a_refused_initialize_opens_nothing(strict: Any) -> None:
    strict.client(ask("initialize"))
    strict.server(refused())
    assert said(strict.client(ask("tools/list", 2))) == [("before-initialize",)]


def test_a_modern_request_needs_no_handshake(strict: Any) -> None:
    assert said(strict.client(ask("tools/list", _meta=MODERN))) == [()]


def test_a_request_too_large_to_be_read_is_not_called_legacy(watch: Any) -> None:
    small = watch(bound=60, watchers=(Lifecycle(),))
    assert said(small.client(ask("tools/call", _meta=MODERN, name="x" * 100))) == [()]


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/list"])
def test_a_method_that_the_modern_era_removed_is_named(strict: Any, method: str) -> None:
    (event,) = strict.client(ask(method, _meta=MODERN))
    assert said([event]) == [("removed-method",)]
    assert (event.evidence[0].about, event.evidence[0].detail) == ("removed-method", method)


def test_the_same_methods_are_fine_in_the_legacy_era(strict: Any) -> None:
    strict.client(ask("initialize"))
    assert said(strict.client(ask("logging/setLevel", 2), ask("resources/subscribe", 3))) == [(), ()]


def test_a_client_that_was_served_in_the_modern_era_and_goes_back_downgrades(strict: Any) -> None:
    strict.client(ask("tools/list", _meta=MODERN))
    strict.server(done(tools=[]))
    (event,) = strict.client(ask("initialize", 2, protocolVersion="2025-11-25"))
    assert said([event]) == [("version-downgrade",)]
    assert event.evidence[0].detail == "2025-11-25 after 2026-07-28"


@pytest.mark.parametrize("answer", [refused(), None])
def test_a_probe_that_was_not_served_is_no_downgrade(strict: Any, answer: dict[str, Any] | None) -> None:
    strict.client(ask("tools/list", _meta=MODERN))
    if answer:
        strict.server(answer)
    assert said(strict.client(ask("initialize", 2, protocolVersion="2025-11-25"))) == [()]


def test_discovery_settles_no_version(strict: Any) -> None:
    strict.client(ask("server/discover", _meta=MODERN))
    strict.server(done(supportedVersions=["2025-11-25"]))
    assert said(strict.client(ask("initialize", 2, protocolVersion="2025-11-25"))) == [()]


def test_an_older_version_in_the_same_era_is_a_downgrade_too(strict: Any) -> None:
    strict.client(ask("tools/list", _meta={VERSION: "2027-01-01"}))
    strict.server(done())
    assert said(strict.client(ask("tools/list", 2, _meta=MODERN))) == [("version-downgrade",)]
    assert said(strict.client(ask("tools/list", 3, _meta={VERSION: "nonsense"}))) == [()]
