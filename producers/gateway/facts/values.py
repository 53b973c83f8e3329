"""What a string argument names (a path, a host, a URL), and in which spellings another layer may meet it. Pure."""

from __future__ import annotations

import posixpath
import re
import socket
from typing import Protocol

from ....models.events import ValueKind

__all__ = ["Place", "kind_of", "spellings"]

_URL = re.compile(
    r"([a-z][a-z0-9+.-]{1,20})://(?:[^/?#@\s]*@)?(\[[0-9a-f:.%]+\]|[^/?#:@\s]*)(?::(\d{1,5}))?", re.IGNORECASE
)
_HOST = re.compile(
    r"(?:(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})"
    r"|localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})\.?(?::\d{1,5})?",
    re.IGNORECASE,
)
_FILE = re.compile(r"[^\s/:*?\"<>|]{1,200}\.[A-Za-z0-9]{1,8}")
_PATH_KEY = re.compile(r"path|file|dir|folder|cwd|repo|root|source|destination|location", re.IGNORECASE)
_HOST_KEY = re.compile(r"host|domain|addr|server|endpoint|ip$", re.IGNORECASE)
_EXTENSION = re.compile(
    r"\.(?:c|cfg|conf|crt|csv|db|docx?|env|gz|h|html?|ini|jpg|js|json|key|log|md|pdf|pem|pl|png|py|rs|sh|sql|sqlite|tar"
    r"|toml|ts|tsv|txt|xlsx?|xml|ya?ml|zip)$",
    re.IGNORECASE,
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
    if _URL.match(value):
        return "path" if value[:7].lower() == "file://" else "url"
    if value[0] in "/~" or value.startswith(("./", "../")) or value in (".", ".."):
        return "path"
    if len(value) <= _LONGEST_HOST and _HOST.fullmatch(value) and not _names_file(value, key):
        return "host"
    if " " not in value and ("/" in value or _names_file(value, key)):
        return "path"
    return "path" if _PATH_KEY.search(key) and len(value) <= 255 and "  " not in value else "text"


def _names_file(value: str, key: str) -> bool:
    if _FILE.fullmatch(value) is None or value.replace(".", "").isdigit():
        return False
    return not _HOST_KEY.search(key) and (_PATH_KEY.search(key) is not None or _EXTENSION.search(value) is not None)


def spellings(value: str, kind: ValueKind, place: Place) -> tuple[str, ...]:
    """The value first, then the forms in which the kernel or another argument would show it; no form twice."""
    forms = [value]
    if kind == "path":
        forms += absolute(value, place)
    elif kind == "url" and (match := _URL.match(value)):
        forms.append(_endpoint(match[2], match[3] or _PORTS.get(match[1].lower(), "")))
    elif kind == "host":
        host, _, port = value.rpartition(":") if value.count(":") == 1 or value[0] == "[" else (value, "", "")
        forms.append(_endpoint(host or value, port))
    return tuple(dict.fromkeys(filter(None, forms)))


def absolute(path: str, place: Place) -> tuple[str, str]:
    """The absolute path as written, and with `.`, `..` and doubled slashes resolved (symbolic links are not)."""
    if path[:7].lower() == "file://":
        path = "/" + path[7:].partition("/")[2]
    if path == "~" or path.startswith("~/"):
        path = place.home + path[1:]
    lexical = posixpath.join(place.cwd, path)
    return lexical, posixpath.normpath(lexical)


def _endpoint(host: str, port: str) -> str:
    """As the sensor writes it. A host with a port declares that port and no other."""
    host = _canonical(host.strip("[]").rstrip(".").lower())
    return f"{host}:{port}" if host and port else host


def _canonical(host: str) -> str:
    """An address in the one spelling that the kernel's layer uses too; a name as it is."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, host))
        except OSError:
            continue
    return host
