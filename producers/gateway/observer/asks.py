"""What servers ask of clients: sampling, elicitation, roots; as requests of their own or as input a result requires.

Pure. Evidence names methods, capabilities and our own words for what is asked, never the server's text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

__all__ = ["Note", "asked", "features", "input_requests", "urls"]

Note = tuple[str, str]  # anomaly and its evidence
_ROOT = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
_MOST = 64
_TEXT = 4096
_CREDENTIAL = (
    r"(?i)pass[ _-]?(?:word|phrase|code)|passwd|\bsecret\b|(?:api|access|private|secret)[ _-]?key|credential"
    r"|(?:access|auth|bearer|refresh|session|security|personal[ _-]access)[ _-]?tokens?"
    r"|\botp\b|one[ _-]time[ _-](?:code|password)|\b(?:2fa|mfa|totp)\b|\bcv[vc]2?\b|card[ _-]?number|\bssn\b"
    r"|social[ _-]security|seed[ _-]phrase|mnemonic|recovery[ _-](?:code|phrase)"
)
_SHORT = r"(?i)(?:\w+ )?(?:token|pin|pin code)"  # as the whole name of a field
_DEMAND = r"(?i)\b(?:enter|provide|type|give|confirm|input|paste|supply|share|send|tell)\b"
_CAMEL = r"(?<=[a-z0-9])(?=[A-Z])"


def features(capabilities: object) -> frozenset[str]:
    """Declared capabilities and their parts, as in `elicitation` and `elicitation.url`; of each level at most 64."""
    if not isinstance(capabilities, dict):
        return frozenset()
    found = set()
    for name in list(capabilities)[:_MOST]:
        found.add(name)
        part = capabilities[name]
        if isinstance(part, dict):
            found.update(f"{name}.{inner}" for inner in list(part)[:_MOST])
    return frozenset(found)


def asked(method: str, params: dict[str, Any], declared: Collection[str]) -> Iterator[Note]:
    """What is wrong with one thing that a server asks of a client with these features."""
    needed = _needed(method, params)
    if needed and needed not in declared:
        yield "undeclared-capability", needed
    if method == "sampling/createMessage":
        context = params.get("includeContext")
        if context is not None and context != "none":
            known = context in ("thisServer", "allServers")
            yield "sampling-context", str(context) if known else "other"
    elif method == "elicitation/create" and params.get("mode") != "url":
        word = _credential(params)
        if word:
            yield "elicits-credentials", word


def input_requests(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Method and parameters of the first 64 inputs that a result requires."""
    requests = result.get("inputRequests")
    found: list[tuple[str, dict[str, Any]]] = []
    for request in list(requests.values())[:_MOST] if isinstance(requests, dict) else ():
        if isinstance(request, dict) and isinstance(request.get("method"), str):
            params = request.get("params")
            found.append((request["method"], params if isinstance(params, dict) else {}))
    return found


def urls(asks: Collection[tuple[str, dict[str, Any]]]) -> list[str]:
    """Where the user is sent (elicitation in URL mode)."""
    found = [
        params.get("url") for method, params in asks if method == "elicitation/create" and params.get("mode") == "url"
    ]
    return [url for url in found if isinstance(url, str)]


def _needed(method: str, params: dict[str, Any]) -> str:
    root = _ROOT.get(method, "")
    if root == "elicitation" and params.get("mode") == "url":
        return "elicitation.url"
    if root == "sampling" and params.get("tools"):
        return "sampling.tools"
    return root


def _credential(params: dict[str, Any]) -> str:
    """The word by which a form asks for a credential: in a field's name, title or description, or in its message."""
    schema = params.get("requestedSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, field in list(properties.items())[:_MOST] if isinstance(properties, dict) else ():
        if word := _of_field(re.sub(_CAMEL, " ", name[:_TEXT]).replace("_", " "), field):
            return word
    message = params.get("message")
    if isinstance(message, str) and re.search(_DEMAND, message[:_TEXT]):
        match = re.search(_CREDENTIAL, message[:_TEXT])
        return match.group().lower() if match else ""
    return ""


def _of_field(name: str, field: object) -> str:
    texts = [name]
    if isinstance(field, dict):
        texts += [str(field.get(part) or "")[:_TEXT] for part in ("title", "description", "format")]
    for text in texts:
        if match := re.search(_CREDENTIAL, text):
            return match.group().lower()
    return "token or pin" if any(re.fullmatch(_SHORT, text) for text in texts[:2]) else ""
