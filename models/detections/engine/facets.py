"""Fields that no record carries as such: where a request came from, its form, what a tool did and how much of it.

They stand beside the fields of the event schemas, in conditions and as facets of a window. What is not known is None.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Mapping, Set
from functools import lru_cache
from typing import Any, Literal

from ... import acting
from ...baseline import is_action
from ...events import Call, Effect
from .once import Once

__all__ = ["OF_CALL", "OF_EFFECT", "request_of", "status_of"]

Kind = Literal["text", "number", "flag"]
_DIGEST = 12
_VISITS = 48
_PREFIX = {4: 24, 6: 48}
_SECRET = ("secret.", "private.")
_REMEMBERED = 8192


@lru_cache(_REMEMBERED)
def _network(address: str) -> str | None:
    """The network of an address, as wide as one site usually has: /24 and /48."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, _PREFIX[parsed.version]), strict=False))


def _from(call: Call) -> str | None:
    return _network(call.peer.address) if call.peer and call.peer.address else None


def _fingerprint(call: Call) -> str | None:
    """The client's program by its own words; a thief who copies them is not told apart."""
    agent = (call.http.user_agent if call.http else None) or ""
    return f"{agent} {call.claimed_client or ''}".strip() or None


def _credential(call: Call) -> str | None:
    token = call.authorization.token_digest if call.authorization else ""
    return token or (call.http.session_digest if call.http else None) or call.principal.id or None


def _status(call: Call) -> int | None:
    """The HTTP status, from the reply or from the gateway's note on an exchange that had no message in it."""
    if call.http and call.http.status is not None:
        return call.http.status
    said = (anomaly for anomaly in call.anomalies if anomaly.startswith("http-status-"))
    return next((int(anomaly[12:]) for anomaly in said if anomaly[12:].isdigit()), None)


def _shape(call: Call) -> str | None:
    """The form of a request: method, tool, and where which types stand; of one without arguments also its size."""
    parts = sorted(f"{fact.pointer}:{fact.type}" for fact in call.arguments) or [str(call.request_size)]
    return _short("\0".join((call.method, call.tool or "", *parts)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def _request(call: Call) -> str | None:
    """The same request under the same credential."""
    credential = _credential(call)
    if call.arguments_digest is None or credential is None:
        return None
    return _short("\0".join((credential, call.method, call.tool or "", call.arguments_digest)))


@lru_cache(_REMEMBERED)
def _heap(conversation: str) -> str:
    """One of a few dozen heaps that conversations fall into: enough of them are many conversations."""
    return str(int(_short(conversation), 16) % _VISITS)


def _visit(call: Call) -> str | None:
    return _heap(call.conversation) if call.conversation else None


def _release(call: Call) -> str | None:
    """Which build of the server answered: its image, else the version that it claims."""
    if call.placement and call.placement.image:
        return f"image {call.placement.image}"
    return f"version {call.server.claimed_version}" if call.server.claimed_version else None


@Once
def _read(call: Call) -> Set[str]:
    """The files it opened."""
    return {one.path for one in call.effects if one.kind == "open" and one.path and one.result >= 0}


def _files(call: Call) -> int:
    return len(_read(call))


def _folders(call: Call) -> int:
    return len({path.rpartition("/")[0] for path in _read(call)})


def _items(call: Call) -> int:
    """Rows or items that came back."""
    rows = sum(one.rows or 0 for one in call.sql)
    return max(rows, call.result.items if call.result else 0)


def _scale(amount: int) -> int:
    """The power of two below: few values say how large a thing usually is."""
    return 1 << (amount.bit_length() - 1) if amount > 0 else 0


def _touches_private(call: Call) -> bool:
    """Whether its arguments name, or the kernel saw it open, what is secret or private; or a secret came with it. Files
    that it looked for and did not get count for nothing."""
    classes = {fact.sensitivity for fact in call.arguments}
    classes.update([effect.sensitivity for effect in call.effects if effect.result >= 0])
    return bool(call.secrets) or any(one is not None and one.startswith(_SECRET) for one in classes)


def _sensitive(call: Call) -> bool:
    """Whether a call changes, sends, or touches what is private: by its tool's name and by what was seen of it."""
    return acting.writes(call) or _private_of(call)


def _deed(effect: Effect) -> str | None:
    """What an effect amounts to, apart from when and how often: a destination, a program, a class of secrets."""
    if effect.kind == "exec":
        return f"ran {effect.path}"
    if effect.sensitivity is not None:
        return f"touched {effect.sensitivity}"
    return f"reached {effect.address}" if effect.address and acting.is_outside(effect) else None


request_of = Once(_request)
status_of = Once(_status)
_private_of = Once(_touches_private)
OF_CALL: Mapping[str, tuple[Kind, Callable[[Call], Any]]] = {
    "acts": ("flag", Once(acting.acts)),
    "credential": ("text", Once(_credential)),
    "files": ("number", Once(_files)),
    "fingerprint": ("text", Once(_fingerprint)),
    "folders": ("number", Once(_folders)),
    "is_action": ("flag", is_action),
    "items": ("number", Once(_items)),
    "listed": ("number", lambda call: len(call.tools)),
    "network": ("text", Once(_from)),
    "private": ("flag", _private_of),
    "release": ("text", Once(_release)),
    "reply_scale": ("number", Once(lambda call: _scale(call.response_size))),
    "files_scale": ("number", Once(lambda call: _scale(_files(call)))),
    "request": ("text", request_of),
    "sends": ("flag", Once(acting.sends)),
    "sensitive": ("flag", Once(_sensitive)),
    "shape": ("text", Once(_shape)),
    "visit": ("text", Once(_visit)),
    "status": ("number", status_of),
}
OF_EFFECT: Mapping[str, tuple[Kind, Callable[[Effect], Any]]] = {"deed": ("text", _deed)}
