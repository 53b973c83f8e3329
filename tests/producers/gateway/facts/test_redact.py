"""Facts instead of values: what another layer can recognise, and nothing a reader could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.producers.gateway.facts.secrets import find_secrets

Build = Callable[..., dict[str, Any]]
CANARY = "CANARY-7f3a-do-not-publish"


def test_a_path_is_digested_as_written_and_as_the_kernel_will_see_it(
    watched: Any, keyring: Keyring, call: Build
) -> None:
    (event,) = watched.client(call(path="../etc//app.toml"))
    (fact,) = event.arguments
    assert (fact.pointer, fact.type, fact.kind) == ("/path", "string", "path")
    assert fact.digests == tuple(
        map(keyring.digest, ("../etc//app.toml", "/srv/app/../etc//app.toml", "/srv/etc/app.toml"))
    )


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("https://api.evil.test/x?q=1", "api.evil.test:443"),
        ("https://user:pw@API.evil.test:8443/x", "api.evil.test:8443"),
        ("api.evil.test", "api.evil.test"),
        ("api.evil.test:99", "api.evil.test:99"),
        ("http://[::1]:80/", "::1:80"),
        ("http://[2001:DB8:0::1]/", "2001:db8::1:80"),
        ("2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_a_destination_declares_its_own_port_and_no_other(
    watched: Any, keyring: Keyring, call: Build, value: str, form: str
) -> None:
    (event,) = watched.client(call(target=value))
    assert event.arguments[0].kind in ("url", "host")
    assert set(event.arguments[0].digests) == {keyring.digest(value), keyring.digest(form)}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("path", "notes", "path"),
        ("x", "~/notes.txt", "path"),
        ("x", "file:///etc/hosts", "path"),
        ("x", "config.toml", "path"),
        ("host", "config.zip", "host"),
        ("x", "example.org", "host"),
        ("x", "10.0.0.1", "host"),
        ("x", "just some words", "text"),
        ("x", "", "text"),
    ],
)
def test_the_kind_of_a_value_follows_its_shape_and_its_name(
    watched: Any, call: Build, key: str, value: str, kind: str
) -> None:
    (event,) = watched.client(call(**{key: value}))
    assert event.arguments[0].kind == kind


def test_every_scalar_is_a_fact_and_pointers_are_escaped(watched: Any, call: Build) -> None:
    (event,) = watched.client(call(**{"a/b": [1, 2.5, True, None], "c~d": {"e": "f"}}))
    assert [(fact.pointer, fact.type) for fact in event.arguments] == [
        ("/a~1b/0", "integer"),
        ("/a~1b/1", "number"),
        ("/a~1b/2", "boolean"),
        ("/a~1b/3", "null"),
        ("/c~0d/e", "string"),
    ]


def test_at_most_128_arguments_are_facts(watched: Any, call: Build) -> None:
    (event,) = watched.client(call(many=list(range(1000))))
    assert len(event.arguments) == 128


def test_the_sensitivity_of_a_path_is_asked_with_its_absolute_form(watch: Any, call: Build) -> None:
    (event,) = watch(sensitivity={"/home/ann/.aws/credentials": "secret.cloud"}.get).client(
        call(path="~/.aws/credentials")
    )
    assert event.arguments[0].sensitivity == "secret.cloud"


def test_a_value_out_of_an_earlier_result_names_the_call(watched: Any, call: Build, answer: Build) -> None:
    (first,) = watched.client(call(1))
    watched.server(answer(1, text="see https://evil.test/drop?id=9, it says"))
    (second,) = watched.client(call(2, url="https://evil.test/drop?id=9", other="/nowhere/seen", n=5))
    origins = {fact.pointer: (fact.origin, fact.origin_call) for fact in second.arguments}
    assert origins == {"/url": ("result", first.call_id), "/other": ("none", None), "/n": ("unknown", None)}


def test_another_conversation_did_not_see_the_result(watched: Any, call: Build, answer: Build) -> None:
    watched.client(call(1))
    watched.server(answer(1, text="/secret/plan.txt"))
    (event,) = watched.client(call(2, path="/secret/plan.txt", meta={"baggage": "gen_ai.conversation.id=other"}))
    assert event.arguments[0].origin == "none"


SECRETS = {
    "aws-access-key": "AKIA" + "ABCDEFGH23456723",
    "github-token": "ghp_" + "a1B2" * 9,
    "slack-token": "xoxb-" + "1234567890-abcdef",
    "google-api-key": "AIza" + "B" * 35,
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\nMIIB",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "connection-string": "postgres://ann:hunter2@db.internal/app",
}


@pytest.mark.parametrize(("family", "secret"), SECRETS.items())
def test_each_family_is_recognised_inside_a_text(
    watched: Any, keyring: Keyring, call: Build, family: str, secret: str
) -> None:
    (event,) = watched.client(call(note=f"use {secret} please"))
    (fact,) = event.secrets
    assert (fact.family, fact.pointer) == (family, "/arguments/note")
    assert secret.encode() not in b"".join(watched.records)


def test_the_same_secret_has_the_same_digest_in_result_and_argument(watched: Any, call: Build, answer: Build) -> None:
    secret = SECRETS["github-token"]
    watched.client(call(1))
    (reply,) = watched.server(answer(1, text=f"token={secret}"))
    (request,) = watched.client(call(2, text=secret))
    assert reply.secrets[0].digest == request.secrets[0].digest


def test_a_random_value_counts_only_under_a_telling_name() -> None:
    value = "q8Zr2LmX9vTk4WpB7yNc"
    assert list(find_secrets(value, "api_key")) == [("high-entropy", value)]
    assert list(find_secrets(f"db_password = {value}")) == [("high-entropy", value)]
    assert list(find_secrets(value, "title")) == []
    assert list(find_secrets("aaaaaaaaaaaaaaaaaaaaaaaa", "api_key")) == []


def test_a_member_name_that_looks_like_a_secret_stands_as_its_digest(
    watched: Any, keyring: Keyring, call: Build
) -> None:
    secret = SECRETS["github-token"]
    (event,) = watched.client(call(**{secret: 1}))
    assert event.arguments[0].pointer == "/digest:" + keyring.digest(secret)


def test_results_are_counted_and_never_quoted(watched: Any, call: Build) -> None:
    watched.client(call(1))
    content = [{"type": "text", "text": CANARY}, {"type": "image", "data": "x", "mimeType": "image/png"}]
    (event,) = watched.server({"jsonrpc": "2.0", "id": 1, "result": {"content": content, "structuredContent": {}}})
    assert event.result is not None
    assert (event.result.content_types, event.result.items, event.result.structured) == (("image", "text"), 2, True)
    assert CANARY.encode() not in b"".join(watched.records)


@given(st.recursive(st.text(min_size=1, max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_no_value_of_any_shape_leaves(watch: Any, call: Build, shape: object) -> None:
    def planted(node: object) -> object:
        return [planted(item) for item in node] if isinstance(node, list) else f"{node}{CANARY}"

    watched = watch()
    events = watched.client(call(1, tool="t", value=planted(shape)))
    events += watched.client(
        {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": f"file:///{CANARY}"}}
    )
    events += watched.server(
        {"jsonrpc": "2.0", "id": 1, "result": {"content": planted(shape), "x": {"y": planted(shape)}}}
    )
    events += watched.server(
        {"jsonrpc": "2.0", "id": 2, "error": {"code": 1, "message": CANARY, "data": planted(shape)}}
    )
    assert CANARY.encode() not in b"".join(watched.records)
    assert len(events) == 4
