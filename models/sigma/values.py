"""One value of a Sigma rule, compiled to a test of a field's value: any of a list's values may satisfy it.

Text is compared without case and with Sigma's wildcards, unless the rule says `cased`. What pySigma can parse and we
cannot mean is refused.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import SigmaRuleError
from .fields import Value, spread, texts

if TYPE_CHECKING:
    from sigma.types import SigmaCompareExpression, SigmaNumber, SigmaRegularExpression, SigmaString

__all__ = ["Test", "compile_value", "unsupported"]

Test = Callable[[Value], bool]
_HINT = "infra/detections/README.md lists what is supported"


def unsupported(what: str) -> SigmaRuleError:
    return SigmaRuleError(f"{what} is not supported", _HINT, code="D11")


def compile_value(value: Any) -> Test:
    """Raises SigmaRuleError D11 for a kind of value that is not supported."""
    from sigma import types  # noqa: PLC0415

    kinds: dict[type, Callable[[Any], Test]] = {
        types.SigmaCasedString: lambda text: _pattern(text, re.DOTALL),
        types.SigmaString: lambda text: _pattern(text, re.DOTALL | re.IGNORECASE),
        types.SigmaNumber: _number,
        types.SigmaBool: lambda flag: _equal("true" if flag.boolean else "false"),
        types.SigmaNull: lambda _: lambda found: not spread(found),
        types.SigmaExists: lambda exists: lambda found: bool(spread(found)) is bool(exists),
        types.SigmaRegularExpression: _expression,
        types.SigmaCIDRExpression: lambda cidr: _network(cidr.network),
        types.SigmaCompareExpression: _comparison,
    }
    compiled = kinds.get(type(value))
    if compiled is None:
        raise unsupported(f"a value of kind {type(value).__name__.removeprefix('Sigma')}")
    return compiled(value)


def _equal(text: str) -> Test:
    return lambda found: any(one.lower() == text for one in texts(found))


def _pattern(value: SigmaString, flags: int) -> Test:
    """Text with wildcards."""
    plain = all(isinstance(part, str) for part in value.iter_parts())
    if plain and flags & re.IGNORECASE:
        return _equal("".join(map(str, value.iter_parts())).lower())
    return _searches(re.compile("".join(map(_part, value.iter_parts())), flags).fullmatch)


def _part(part: Any) -> str:
    from sigma.types import Placeholder, SpecialChars  # noqa: PLC0415

    if isinstance(part, Placeholder):
        raise unsupported(f"the placeholder %{part.name}%")
    if isinstance(part, str):
        return re.escape(part)
    return {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}[part]


def _expression(value: SigmaRegularExpression) -> Test:
    flags = 0
    for flag in value.flags:
        flags |= value.sigma_to_python_flags[flag]
    try:
        return _searches(re.compile(str(value.regexp), flags).search)
    except re.error as error:
        raise unsupported(f"the regular expression {str(value.regexp)!r} ({error})") from error


def _searches(matches: Callable[[str], Any]) -> Test:
    return lambda found: any(matches(one) is not None for one in texts(found))


def _number(value: SigmaNumber) -> Test:
    number, text = value.number, str(value.number)
    return lambda found: any(one in (number, text) for one in spread(found) if not isinstance(one, bool))


def _comparison(value: SigmaCompareExpression) -> Test:
    compare = getattr(operator, {"LT": "lt", "LTE": "le", "GT": "gt", "GTE": "ge", "NEQ": "ne"}[value.op.name])
    number = value.number.number
    return lambda found: any(compare(one, number) for one in spread(found) if type(one) in (int, float))


def _network(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Test:
    def inside(found: Value) -> bool:
        return any(address in network for address in map(_address, texts(found)) if address is not None)

    return inside


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
