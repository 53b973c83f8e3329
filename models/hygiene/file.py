"""The exceptions file: TOML with one `[[exception]]` an entry, read strictly."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import HygieneError
from .exemptions import Exemption, known_field, scope_pattern

__all__ = ["read_file"]

_KEYS = frozenset({"id", "rule", "owner", "reason", "expires", "scope"})


def read_file(file: Path) -> tuple[Exemption, ...]:
    """Raises HygieneError D13 with the file, the entry and what is missing."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise HygieneError(f"{file}: cannot be read as TOML: {error}") from error
    if unknown := sorted(data.keys() - {"exception"}):
        raise HygieneError(f"{file}: unknown key {unknown[0]!r}", "a file of exceptions holds [[exception]] tables")
    found = data.get("exception", [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise HygieneError(f"{file}: exception is no list of tables", "each exception begins with [[exception]]")
    return tuple(_entry(entry, f"{file}: exception[{index}]") for index, entry in enumerate(found))


def _entry(data: Mapping[str, Any], where: str) -> Exemption:
    if unknown := sorted(data.keys() - _KEYS):
        raise HygieneError(f"{where}: unknown key {unknown[0]!r}", f"allowed: {', '.join(sorted(_KEYS))}")
    if missing := sorted(_KEYS - data.keys()):
        raise HygieneError(f"{where}: {missing[0]} is missing", "an exception has an owner, a reason and an end")
    for key in ("id", "owner", "reason"):
        if not isinstance(data[key], str) or not data[key].strip():
            raise HygieneError(f"{where}: {key} must say something")
    return Exemption(
        id=data["id"],
        rules=_rules(data["rule"], where),
        owner=data["owner"],
        reason=data["reason"],
        expires_ns=_end_ns(data["expires"], where),
        scope=_scope(data["scope"], where),
    )


def _rules(value: Any, where: str) -> tuple[str, ...]:
    rules = tuple(value) if isinstance(value, list) else (value,)
    if not rules or not all(isinstance(rule, str) and rule.strip("*") and "*" not in rule[:-1] for rule in rules):
        raise HygieneError(f"{where}: rule must name rules", "an id, or the beginning of ids before a *")
    return rules


def _end_ns(value: Any, where: str) -> int:
    """Midnight UTC of a date; a time as it is."""
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    elif isinstance(value, datetime.date):
        moment = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    else:
        raise HygieneError(f"{where}: expires must be a date", "expires = 2027-03-31")
    return int(moment.timestamp()) * 1_000_000_000


def _scope(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise HygieneError(f"{where}: scope names no field", 'scope = { "mcp.server.id" = "payments" }')
    for name, wanted in value.items():
        if not known_field(name):
            raise HygieneError(f"{where}: no event has a field {name!r}", "triptych detections list --fields")
        texts = wanted if isinstance(wanted, list) else [wanted]
        if not texts or not all(isinstance(one, str) and one.strip("*") for one in texts):
            raise HygieneError(f"{where}: {name} must be text that says something", "a * alone would cover everything")
    return {name: scope_pattern(wanted) for name, wanted in value.items()}
