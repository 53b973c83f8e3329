"""RFC 8785: one canonical JSON text for equal values, so that digests of definitions can be compared anywhere."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

__all__ = ["canonical", "canonical_bytes"]

_DEEPEST = 200
_OWN_TEXT = rb"\d[.eE]|\d{16}|[\xf0-\xf4]"  # fractions, large numbers, names that UTF-16 sorts otherwise


def canonical_bytes(value: Any) -> bytes:
    """Canonical text in UTF-8; by orjson where its sorted text is the same. Raises ValueError as `canonical` does."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        text = b"0.0"
    return canonical(value).encode("utf-8", "surrogatepass") if re.search(_OWN_TEXT, text) else text


def canonical(value: Any, _depth: int = 0) -> str:
    """Canonical text. Raises ValueError for what RFC 8785 has no text for: NaN, infinities, deeper than 200 levels."""
    if _depth > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_string(name)}:{canonical(item, _depth + 1)}" for name, item in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, _depth + 1) for item in value) + "]"
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return number(float(value))


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262 6.1.6.1.20): the shortest digits, exponents only outside 1e-7..1e21."""
    if not math.isfinite(value):
        raise ValueError("NaN and infinities have no canonical form")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    raw = whole + ("" if fraction == "0" else fraction)
    digits = raw.lstrip("0")
    point = len(whole) - (len(raw) - len(digits)) + int(exponent or 0)  # decimal point behind that many digits
    digits = digits.rstrip("0")
    return sign + _notation(digits, point)


def _notation(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"
