"""Classes of paths and destinations: what a file would give away, and how far an address is.

The classes stand in sensitivity.toml; operators add files of the same shape. No name is resolved, no file is touched.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache, wraps
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import ConfigError

__all__ = ["BUILT_IN", "Destination", "Sensitivity"]

BUILT_IN = Path(__file__).with_suffix(".toml")
Destination = Literal["outside", "inside", "metadata"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Class = tuple[str, Sequence[str]]
_Side = tuple[str, Destination]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_OTHER_ROOT = re.compile(r"^/proc/[^/]+/(?:task/[^/]+/)?root(?=/)")
_SHAPE = {"except": {"paths"}, "class": {"name", "why", "paths", "written"}, "networks": set(get_args(Destination))}
_OPTIONAL = {"why", "written"}
_KINDS = {"name": str, "why": str, "written": bool}  # of an entry's values; the others are lists
_REMEMBERED = 8192
_LONG = 512
_WORD = re.compile(r"(?<![^/._])[^/._*]+(?![^/._])")  # of a pattern: nothing but a separator or an end beside it


class Sensitivity:
    """Answers for one set of classes. What was answered is remembered.

    `path` gives the class of a path, for example `secret.cloud`, else None; `written` that of a path which only matters
    when it is written, as `persistence.library`. A relative path may lie anywhere.
    """

    def __init__(self, classes: Sequence[_Class], networks: Sequence[_Side], *, written: Sequence[_Class] = ()) -> None:
        """`classes`: name and patterns in order, the empty name for exceptions. `networks`: CIDR and its side."""
        self._networks = _by_prefix(networks)
        self.path = _remembering(_Patterns(classes).of)
        self.written = _remembering(_Patterns(written).of)
        self.destination = lru_cache(_REMEMBERED)(self._destination)

    @classmethod
    def load(
        cls, extra: Sequence[Path] = (), *, outside: Sequence[str] = (), inside: Sequence[str] = ()
    ) -> Sensitivity:
        """The built-in classes, before them those of the `extra` files, and networks that override the usual sides.

        Raises ConfigError for a file that cannot be read, an unknown key, or a network on both sides.
        """
        if both := sorted(set(outside) & set(inside)):
            raise ConfigError(f"{both[0]} is declared both outside and inside", "keep it in one of the two settings")
        classes: list[_Class] = []
        written: list[_Class] = []
        networks: list[_Side] = []
        for file in (*extra, BUILT_IN):
            data = _read(file)
            classes += [("", entry["paths"]) for entry in data.get("except", ())]
            for entry in data.get("class", ()):
                (written if entry.get("written") else classes).append((entry["name"], entry["paths"]))
            networks += [(cidr, side) for side, cidrs in data.get("networks", {}).items() for cidr in cidrs]
        declared: list[_Side] = [(cidr, "outside") for cidr in outside]
        declared += [(cidr, "inside") for cidr in inside]
        return cls(classes, [*declared, *networks], written=written)

    def _destination(self, address: str) -> Destination:
        """How far an address is. What is no address counts as outside: nothing proves that it is near."""
        parsed = _parse(address)
        if parsed is None:
            return "outside"
        for network, side in self._networks:
            if parsed.version == network.version and parsed in network:
                return side
        return "outside"


def _remembering(answer: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """What was asked of short paths; long ones seldom repeat, and whoever opens files chooses how long they are."""
    remembered = lru_cache(_REMEMBERED)(answer)

    @wraps(answer)
    def quick(path: str) -> str | None:
        return remembered(path) if len(path) <= _LONG else answer(path)

    return quick


class _Patterns:
    """Classes in order: the first that fits a path is its class."""

    def __init__(self, classes: Sequence[_Class]) -> None:
        self._classes = [(name, patterns) for name, patterns in classes if patterns]
        self.words = _needed(pattern for _, patterns in classes for pattern in patterns)

    def of(self, path: str) -> str | None:
        if self.words is not None and self.words.isdisjoint(path.replace(".", "/").replace("_", "/").split("/")):
            return None  # most paths, for a tenth of the price
        match = self._matcher.fullmatch(_OTHER_ROOT.sub("", posixpath.normpath("/" + path.lstrip("/"))))
        return self._classes[match.lastindex - 1][0] or None if match and match.lastindex else None

    @cached_property
    def _matcher(self) -> re.Pattern[str]:
        """One group for each class. Made when it is first needed: a gateway must start quickly."""
        groups = ("|".join(map(_glob, patterns)) for _, patterns in self._classes)
        expression = "|".join(f"({alternatives})" for alternatives in groups) or r"(?!)"
        return re.compile(expression, re.DOTALL)  # a line break in a path must not hide it


def _needed(patterns: Iterable[str]) -> frozenset[str] | None:
    """A set of words of which every path that fits a pattern has one; None where a pattern fits without any.

    The longest word of each pattern: long ones are rare in other paths.
    """
    words = [max(_WORD.findall(pattern), key=len, default=None) for pattern in patterns]
    return None if None in words else frozenset(word for word in words if word is not None)


def _by_prefix(networks: Iterable[_Side]) -> list[tuple[_Network, Destination]]:
    """Metadata first, then the longest prefix; of equal ones the first given."""
    try:
        parsed = [(ipaddress.ip_network(cidr), side) for cidr, side in networks]
    except ValueError as error:
        raise ConfigError(f"not a network: {error}", "write it as 10.0.0.0/8 or fd00::/8, host bits zero") from error
    return sorted(parsed, key=lambda entry: (entry[1] != "metadata", -entry[0].prefixlen))


def _parse(address: str) -> _Address | None:
    """The address that is really meant: IPv4 where IPv6 only wraps it."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return parsed.ipv4_mapped
        if parsed in _NAT64:
            return ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed


def _glob(pattern: str) -> str:
    """A regular expression for one pattern; see the head of sensitivity.toml."""
    anchored = pattern if pattern.startswith("/") else "/**/" + pattern
    out = ""
    for token in re.split(r"(/\*\*/|/\*\*$|\*)", anchored):
        out += {"/**/": "/(?:.*/)?", "/**": "(?:/.*)?", "*": "[^/]*"}.get(token, re.escape(token))
    return out


def _read(file: Path) -> dict[str, Any]:
    """The tables of one file, checked against the shape. Raises ConfigError."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read sensitivity classes from {file}: {error}") from error
    for section, body in data.items():
        allowed = _SHAPE.get(section)
        if allowed is None:
            raise ConfigError(f"{file}: unknown section {section!r}", f"allowed: {', '.join(sorted(_SHAPE))}")
        for entry in [body] if isinstance(body, dict) else body:
            _check_entry(file, section, entry, allowed)
    return data


def _check_entry(file: Path, section: str, entry: dict[str, Any], allowed: set[str]) -> None:
    if unknown := sorted(entry.keys() - allowed):
        raise ConfigError(f"{file}: {section}: unknown key {unknown[0]!r}", f"allowed: {', '.join(sorted(allowed))}")
    if section != "networks" and (missing := sorted(allowed - _OPTIONAL - entry.keys())):
        raise ConfigError(f"{file}: {section}: {missing[0]!r} is missing")
    for key, value in entry.items():
        if not isinstance(value, _KINDS.get(key, list)):
            raise ConfigError(f"{file}: {section}: {key} is a {type(value).__name__}")
