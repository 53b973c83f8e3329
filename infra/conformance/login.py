"""How the suite's client logs in: OAuth by authorization code without a person, or by the client's own credentials."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

__all__ = ["login"]

_REDIRECT = AnyUrl("http://localhost:3000/callback")  # nobody listens there: the answer is read from the redirect
_METADATA = "https://conformance-test.local/client-metadata.json"


class _Storage:
    """What a client remembers of its logins, for one scenario."""

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self._client = client
        self._tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info


class _Browser:
    """Follows the login page to its redirect, and reads what stands in it."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    async def visit(self, url: str) -> None:
        async with httpx2.AsyncClient() as http:
            answer = await http.get(url)
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        self._found = {name: values[0] for name, values in query.items()}

    async def returned(self) -> AuthorizationCodeResult:
        found = self._found
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))


def login(scenario: str, url: str, given: dict[str, Any]) -> httpx2.Auth:
    """The authentication a scenario asks for; `given` is what the suite tells the client."""
    if scenario == "auth/client-credentials-basic":
        return ClientCredentialsOAuthProvider(
            server_url=url,
            storage=_Storage(),
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106
        )
    if scenario == "auth/client-credentials-jwt":
        return PrivateKeyJWTOAuthProvider(
            server_url=url, storage=_Storage(), client_id=given["client_id"], assertion_provider=_assertion(given)
        )
    return _by_code(url, given)


def _assertion(given: dict[str, Any]) -> Any:
    return SignedJWTParameters(
        issuer=given["client_id"],
        subject=given["client_id"],
        signing_algorithm=given.get("signing_algorithm", "ES256"),
        signing_key=given["private_key_pem"],
    ).create_assertion_provider()


def _by_code(url: str, given: dict[str, Any]) -> httpx2.Auth:
    browser = _Browser()
    return OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata(
            client_name="triptych-conformance",
            redirect_uris=[_REDIRECT],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
        ),
        storage=_Storage(_registered(given)),
        redirect_handler=browser.visit,
        callback_handler=browser.returned,
        client_metadata_url=_METADATA,
    )


def _registered(given: dict[str, Any]) -> OAuthClientInformationFull | None:
    if "client_id" not in given:
        return None
    return OAuthClientInformationFull(
        client_id=given["client_id"],
        client_secret=given.get("client_secret"),
        redirect_uris=[_REDIRECT],
        token_endpoint_auth_method="client_secret_basic" if given.get("client_secret") else "none",
    )
