"""What a string argument names (a path, a host, a URL), and in which spellings another layer may meet it. Pure."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from ...tokens import SHORTEST

if TYPE_CHECKING:
    from ....models.events import ValueKind

__all__ = ["Place", "absolute", "destinations", "host_of", "kind_of", "names_place", "parts", "spellings"]

# Compiled by re at their first use: most servers never need most of them, and the start should not wait for any.
_URL = r"(?i)([a-z][a-z0-9+.-]{1,20})://(?:[^/?#\s]*@)?(\[[0-9a-f:.%]+\]|[^/?#:@\s]*)(?::(\d{1,5}))?"
_HOST = (
    r"(?i)(?:(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})"
    r"|localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})\.?(?::\d{1,5})?"
)
_FILE = r"[^\s/:*?\"<>|]{1,200}\.[A-Za-z0-9]{1,8}"
_PATH_KEY = r"(?i)path|file|dir|folder|cwd|repo|root|source|destination|location"
_HOST_KEY = r"(?i)host|domain|addr|server|endpoint|ip$"
_EXTENSION = (
    r"(?i)\.(?:c|cfg|conf|crt|csv|db|docx?|env|gz|h|html?|ini|jpg|js|json|key|log|md|pdf|pem|pl|png|py|rs|sh|sql|sqlite"
    r"|tar|toml|ts|tsv|txt|xlsx?|xml|ya?ml|zip)$"
)
_LONGEST = 4096
_LONGEST_HOST = 262  # a name of 253 octets, dots and a port
_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "ssh": "22", "postgresql": "5432"}


class Place(Protocol):
    """Where the server runs: what its relative paths are relative to."""

    @property
    def cwd(self) -> str: ...

    @property
    def home(self) -> str: ...


def kind_of(value: str, key: str) -> ValueKind:
    """What `value` looks like; `key` decides where a name could be a file as well as a host."""
    if not value or len(value) > _LONGEST or "\n" in value or "\0" in value:
        return "text"
    if value[0] in "/~":
        return "path"
    if " " not in value:
        return _kind_of_word(value, key)
    if "://" in value and re.match(_URL, value):
        return "path" if value[:7].lower() == "file://" else "url"
    if value.startswith(("./", "../")):
        return "path"
    return "path" if len(value) <= 255 and "  " not in value and _path_key(key) else "text"


def _kind_of_word(value: str, key: str) -> ValueKind:
    if "://" in value and re.match(_URL, value):
        return "path" if value[:7].lower() == "file://" else "url"
    if value.startswith(("./", "../")) or value in (".", ".."):
        return "path"
    file = _names_file(value, key)
    if not file and len(value) <= _LONGEST_HOST and re.fullmatch(_HOST, value):
        return "host"
    if file or "/" in value:
        return "path"
    return "path" if len(value) <= 255 and _path_key(key) else "text"


@lru_cache(1024)
def _path_key(key: str) -> bool:
    return re.search(_PATH_KEY, key) is not None


@lru_cache(1024)
def _host_key(key: str) -> bool:
    return re.search(_HOST_KEY, key) is not None


def names_place(key: str) -> bool:
    """Whether what stands under this key should be a path or a host, whatever it looks like."""
    return _path_key(key) or _host_key(key)


def host_of(value: str, kind: ValueKind) -> str:
    """Whom a host or a URL names, without the port; empty for anything else."""
    if kind == "url":
        return next(iter(destinations(value)[-1:]), "")
    return _destination(value, kind).removesuffix(_port(value)) if kind == "host" else ""


def _port(value: str) -> str:
    host, colon, port = value.rpartition(":")
    return colon + port if colon and (host.endswith("]") or ":" not in host) else ""


def _names_file(value: str, key: str) -> bool:
    if "." not in value or re.fullmatch(_FILE, value) is None or value.replace(".", "").isdigit():
        return False
    return not _host_key(key) and (_path_key(key) or re.search(_EXTENSION, value) is not None)


def spellings(value: str, kind: ValueKind, place: Place) -> tuple[str, ...]:
    """The value first, then the forms in which the kernel or another argument would show it; no form twice.

    The last form of a path is the absolute one without detours.
    """
    if kind == "text":
        return (value,) if value else ()
    if kind == "path":
        lexical, resolved = absolute(value, place)
        if resolved == value:
            return (value,)
        forms = [value, lexical, resolved]
    else:
        forms = [value, _destination(value, kind)]
    return tuple(dict.fromkeys(filter(None, forms)))


def parts(value: str, kind: ValueKind) -> tuple[str, ...]:
    """The pieces that others may have named before it was put together: the host, or the name of the file."""
    if kind == "url":
        return destinations(value)
    if kind == "path":
        _, slash, name = value.rstrip("/").rpartition("/")
        return (name,) if slash and len(name) >= SHORTEST else ()
    return ()


def destinations(url: str) -> tuple[str, ...]:
    """Whom a URL names: host and port, then the host alone."""
    match = re.match(_URL, url)
    if match is None or not match[2]:
        return ()
    host, port = _canonical(match[2]), match[3] or _PORTS.get(match[1].lower(), "")
    return (f"{host}:{port}", host) if port else (host,)


def absolute(path: str, place: Place) -> tuple[str, str]:
    """The absolute path as written, and with `.`, `..` and doubled slashes resolved (symbolic links are not)."""
    if path[:7].lower() == "file://":
        path = "/" + path[7:].partition("/")[2]
    if path == "~" or path.startswith("~/"):
        path = place.home + path[1:]
    lexical = path if path[:1] == "/" else posixpath.join(place.cwd, path)
    if "/." in lexical or "//" in lexical or lexical[-1] == "/":
        return lexical, posixpath.normpath(lexical)
    return lexical, lexical


def _destination(value: str, kind: ValueKind) -> str:
    """As the sensor writes it. A host with a port declares that port and no other."""
    if kind == "url":
        return next(iter(destinations(value)), "")
    host, colon, port = value.rpartition(":")
    if colon and (host.endswith("]") or ":" not in host):
        return f"{_canonical(host)}:{port}"
    return _canonical(value)


def _canonical(host: str) -> str:
    """An address in the one spelling that the kernel's layer uses too; a name as it is."""
    import socket  # noqa: PLC0415 - many servers never see a host

    host = host.strip("[]").rstrip(".").lower()
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, host))
        except OSError:
            continue
    return host
