"""What HTTP says of credentials: the Authorization of a request, the challenge of a refusal; never a token.

No signature is checked here: claims are the sender's word. Bounds: 16 KiB of a header, claims by name only.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from ....models.events import Authorization
from .secrets import find_secrets

__all__ = ["Challenge", "authorization", "authorization_anomalies", "challenge", "token_in_query"]

_LONGEST = 16_384
_MOST_AUDIENCES = 8
_MOST_SCOPES = 64
_MOST_PARAMETERS = 256
_LATEST_S = 2**53
_TOKEN_SCHEMES = frozenset({"bearer", "dpop"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_JWT = re.compile(r"[\w-]{2,}\.([\w-]{2,})\.[\w-]*", re.ASCII)
_PARAMETER = re.compile(  # a scheme, or a parameter of the scheme before it (RFC 9110, 11.6.1)
    r'(?P<name>[\w!#$%&\'*+.^`|~-]{1,64})(?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^\s,"]*+))|(?=\s|,|\Z))',
    re.ASCII,
)
_CREDENTIALS = frozenset(
    {"access_token", "id_token", "refresh_token", "token", "api_key", "apikey", "api-key", "client_secret", "assertion"}
)
Named = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The first Bearer or DPoP challenge of a WWW-Authenticate, as far as it may be published."""

    error: str | None = None
    scopes: tuple[str, ...] = ()


def authorization(
    value: str, digest: Callable[[str], str], named: Named, *, proof: bool = False
) -> Authorization | None:
    """Facts of an Authorization header; `proof` says whether a DPoP header came with it. None without credentials."""
    head, _, credentials = value.strip()[:_LONGEST].partition(" ")
    credentials = credentials.strip()
    if not head:
        return None
    if not credentials or not _SCHEME.fullmatch(head) or named(head) != head:  # the whole of it may be a token
        return Authorization(token_digest=digest(value.strip()), format="opaque", proof=proof)
    scheme = head.lower()
    claims = _claims(credentials) if scheme in _TOKEN_SCHEMES else None
    known = {} if claims is None else _known(claims, digest, named)
    return Authorization(
        scheme=scheme,
        token_digest=digest(credentials),
        format="opaque" if claims is None else "jwt",
        proof=proof,
        **known,
    )


def authorization_anomalies(auth: Authorization, now_s: int, audiences: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Anomaly and its evidence. `audiences`: what names this server; empty where nobody told us."""
    found: list[tuple[str, str]] = []
    if auth.expires_s is not None and auth.expires_s <= now_s:
        found.append(("token-expired", f"{now_s - auth.expires_s} s ago"))
    if audiences and auth.format == "jwt" and not _meant_for(auth.audience, audiences):
        found.append(("token-audience", f"{len(auth.audience)} audiences, none is this server"))
    if (auth.bound or auth.scheme == "dpop") and not auth.proof:
        found.append(("token-proof-missing", "scheme dpop" if auth.scheme == "dpop" else "claim cnf"))
    return found


def challenge(value: str, named: Named) -> Challenge | None:
    """What a WWW-Authenticate asks of a token; None where it asks for none. `named` gives what may be published."""
    asked: dict[str, str] | None = None
    for number, match in enumerate(_PARAMETER.finditer(value[:_LONGEST])):
        if number == _MOST_PARAMETERS:
            break
        text = match["quoted"] if match["quoted"] is not None else match["plain"]
        if text is None:
            if asked:
                break
            asked = {} if match["name"].lower() in _TOKEN_SCHEMES else None
        elif asked is not None:
            asked.setdefault(match["name"].lower(), text.replace("\\", ""))
    if asked is None:
        return None
    error = asked.get("error")
    return Challenge(error=named(error)[:64] if error else None, scopes=_scopes(asked.get("scope"), named))


def token_in_query(query: str) -> str | None:
    """The kind of parameter of a URL's query that carries credentials: its known name, or the family of its value."""
    for pair in query[:_LONGEST].split("&"):
        name, _, value = pair.partition("=")
        name = unquote_plus(name).lower()
        if value and name in _CREDENTIALS:
            return name
        for family, _ in find_secrets(unquote_plus(value)):
            return family
    return None


def _claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT (RFC 7519), unverified."""
    match = _JWT.fullmatch(token)
    if match is None:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None


def _known(claims: dict[str, Any], digest: Callable[[str], str], named: Named) -> dict[str, Any]:
    subject, identifier = claims.get("sub"), claims.get("jti")
    issuer = claims.get("iss")
    client = claims.get("client_id", claims.get("azp"))
    return {
        "issuer": named(issuer) if isinstance(issuer, str) else None,
        "subject_digest": digest(subject) if isinstance(subject, str) else None,
        "client_id": named(client) if isinstance(client, str) else None,
        "audience": tuple(map(named, _texts(claims.get("aud"))[:_MOST_AUDIENCES])),
        "scopes": _scopes(claims.get("scope", claims.get("scp")), named),
        "expires_s": _seconds(claims.get("exp")),
        "token_id_digest": digest(identifier) if isinstance(identifier, str) else None,
        "bound": isinstance(claims.get("cnf"), dict),
    }


def _seconds(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LATEST_S:
        return int(value)
    return None


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values[:_MOST_PARAMETERS] if isinstance(text, str)]


def _scopes(value: object, named: Named) -> tuple[str, ...]:
    texts = [scope for text in _texts(value) for scope in text.split()]
    return tuple(sorted(set(map(named, texts[:_MOST_PARAMETERS])))[:_MOST_SCOPES])


def _meant_for(audience: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether an audience is one of the names of this server; a slash at the end makes no difference (RFC 8707)."""
    names = {name.rstrip("/") for name in expected}
    return any(text.rstrip("/") in names for text in audience)
