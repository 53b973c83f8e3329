"""Credentials by their facts: which kind, for whom, until when; never the token."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.events import Authorization
from triptych.producers.gateway.facts.authorization import (
    Challenge,
    authorization,
    authorization_anomalies,
    challenge,
    token_in_query,
)
from triptych.producers.gateway.facts.names import Names

KEY = Keyring(b"a key for tests, 32 bytes long..", "test")
NAMED = Names(KEY.digest)
CANARY = "canary-token-8472"


def jwt(**claims: Any) -> str:
    return (
        ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in ({"alg": "RS256"}, claims)
        )
        + ".c2lnbmF0dXJl"
    )


def read(value: str, *, proof: bool = False) -> Authorization:
    found = authorization(value, KEY.digest, NAMED, proof=proof)
    assert found is not None
    return found


@pytest.mark.parametrize("secret", ["ghp_0123456789abcdef01234567", "sk-proj-abcdEFGH1234ijkl", "AKIAIOSFODNN7EXAMPLQ"])
def test_a_secret_in_the_place_of_a_scheme_is_none(secret: str) -> None:
    found = read(f"{secret} and more")
    assert (found.scheme, found.format) == ("", "opaque")
    assert found.token_digest == KEY.digest(f"{secret} and more")


def test_a_jwt_tells_its_claims_unverified() -> None:
    token = jwt(
        iss="https://id.example",
        sub=CANARY,
        azp="agent",
        aud=["https://mcp.example/", "other"],
        scope="write read",
        exp=1000.5,
        jti=CANARY,
        cnf={"jkt": "x"},
    )
    assert read("Bearer " + token) == Authorization(
        scheme="bearer",
        token_digest=KEY.digest(token),
        format="jwt",
        issuer="https://id.example",
        subject_digest=KEY.digest(CANARY),
        client_id="agent",
        audience=("https://mcp.example/", "other"),
        scopes=("read", "write"),
        expires_s=1000,
        token_id_digest=KEY.digest(CANARY),
        bound=True,
    )


@pytest.mark.parametrize(
    ("value", "scheme"),
    [(f"Bearer {CANARY}", "bearer"), (f"Basic {CANARY}", "basic"), (CANARY, ""), (f"{CANARY}! x", "")],
)
def test_an_opaque_credential_is_its_digest_alone(value: str, scheme: str) -> None:
    found = read(value)
    assert (found.scheme, found.format) == (scheme, "opaque")
    assert CANARY not in repr(found)


def test_one_token_has_one_digest_whatever_the_case_of_its_scheme() -> None:
    assert read("bearer abc").token_digest == read("Bearer  abc ").token_digest


def names(found: Authorization, now_s: int, *audiences: str) -> list[str]:
    return [anomaly for anomaly, _ in authorization_anomalies(found, now_s, audiences)]


def test_an_expired_token_is_an_anomaly_from_its_last_second_on() -> None:
    found = read("Bearer " + jwt(exp=1000))
    assert names(found, 1000) == ["token-expired"]
    assert names(found, 999) == []


def test_a_token_for_somebody_else_is_an_anomaly_where_our_name_is_known() -> None:
    found = read("Bearer " + jwt(aud="https://other.example/mcp"))
    assert names(found, 0, "https://mcp.example/mcp") == ["token-audience"]
    assert names(found, 0) == []
    assert names(read("Bearer " + jwt(aud="https://mcp.example/mcp/")), 0, "https://mcp.example/mcp") == []


def test_a_token_that_needs_a_proof_and_has_none_is_an_anomaly() -> None:
    token = jwt(cnf={"jkt": "x"})
    assert names(read("DPoP " + token), 0) == ["token-proof-missing"]
    assert names(read("DPoP " + token, proof=True), 0) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            'Bearer error="insufficient_scope", scope="b a", resource_metadata="https://x/y"',
            Challenge(error="insufficient_scope", scopes=("a", "b")),
        ),
        (
            'Basic realm="x", error="no", Bearer scope=a, error=invalid_token',
            Challenge(error="invalid_token", scopes=("a",)),
        ),
        ("Bearer", Challenge()),
        ('Bearer realm="a\\"b", error="e"', Challenge(error="e")),
        ('Basic realm="Bearer error=x"', None),
        ("", None),
    ],
)
def test_a_challenge_tells_its_error_and_scopes(value: str, expected: Challenge | None) -> None:
    assert challenge(value, NAMED) == expected


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"a=1&access_token={CANARY}", "access_token"),
        (f"Api%5FKey={CANARY}", "api_key"),
        ("x=" + jwt(sub=CANARY, name="somebody"), "jwt"),
        ("token=", None),
        ("cursor=token&sort=key", None),
    ],
)
def test_a_token_in_a_query_is_told_by_its_kind(query: str, found: str | None) -> None:
    assert token_in_query(query) == found


@given(st.text())
def test_no_header_is_too_strange(value: str) -> None:
    found, asked, kind = authorization(value, KEY.digest, NAMED), challenge(value, NAMED), token_in_query(value)
    assert found is None or (found.token_digest and len(found.audience) <= 8 and len(found.scopes) <= 64)
    assert asked is None or list(asked.scopes) == sorted(set(asked.scopes))
    assert kind is None or "=" in value


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_claim_is_too_strange(value: object) -> None:
    claims = dict.fromkeys(("iss", "sub", "azp", "client_id", "aud", "scope", "exp", "jti", "cnf"), value)
    found = authorization_anomalies(read("Bearer " + jwt(**claims)), 0, ("x",))
    assert {name for name, _ in found} <= {"token-expired", "token-audience", "token-proof-missing"}
