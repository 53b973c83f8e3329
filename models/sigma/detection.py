"""One Sigma rule of ours: what it is called, what it matches, and whether its matches are findings of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import orjson

from ..custom import About, cited, rule_of, slug, texts_of
from ..detections.engine import Rule
from ..detections.engine.rule import Expectation, RuleTest
from .correlation import Correlation, read_correlation
from .errors import SigmaRuleError
from .fields import CATEGORIES
from .predicates import OF_TURNS, Predicate, compile_rule, fields_asked
from .values import unsupported

if TYPE_CHECKING:
    from sigma.correlations import SigmaCorrelationRule
    from sigma.rule import SigmaRule, SigmaRuleBase

__all__ = ["Counted", "Plain", "counted", "key_of", "plain", "tests_of"]


@dataclass(frozen=True, slots=True)
class Plain:
    """A rule about one event. `told`: whether its match is a hit, or only counted by correlations."""

    key: str
    rule: Rule
    category: str
    matches: Predicate
    told: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule about many events."""

    rule: Rule
    correlation: Correlation


def key_of(rule: SigmaRuleBase) -> str:
    """By what correlations refer to it here."""
    return str(rule.id or rule.name)


def plain(rule: SigmaRule, file: Path) -> Plain:
    """Raises SigmaRuleError D11, D12."""
    category = category_of(rule)
    matches = compile_rule(rule, category)
    return Plain(key_of(rule), _facts(rule, file), category, matches, told=bool(rule._output))


def counted(rule: SigmaCorrelationRule, file: Path, categories: Mapping[str, str]) -> Counted:
    """Raises SigmaRuleError D11, D12. `categories`: by key of each rule it refers to."""
    correlation = read_correlation(rule, categories)
    asked = {name for base in rule.referenced_rules for name in fields_asked(cast("SigmaRule", base.rule))}
    if of_turns := sorted(OF_TURNS & asked):
        raise unsupported(f"a correlation of rules that ask {of_turns[0]}, which a call does not say")
    return Counted(_facts(rule, file), correlation)


def category_of(rule: SigmaRule) -> str:
    """Raises SigmaRuleError D12 for a log source that is not ours."""
    source = rule.logsource
    category = source.category or ""
    if source.product != "mcp" or category not in CATEGORIES or source.service:
        raise SigmaRuleError(
            f"log source {source} is not one of ours",
            f"product: mcp with category: {', '.join(CATEGORIES)}; no service",
            code="D12",
        )
    return category


def _facts(rule: SigmaRuleBase, file: Path) -> Rule:
    told = rule.custom_attributes
    version = told.get("version", 1)
    about = About(
        why=rule.description or "",
        blind=str(told.get("blind", "")),
        false_positives=tuple(map(str, rule.falsepositives or ())),
        triage=texts_of(told.get("triage", ()), "triage"),
        attacks=cited(map(str, rule.tags or ())),
        tests=tests_of(told.get("tests", ())),
    )
    return rule_of(
        f"sigma.{rule.id or slug(rule.title)}",
        rule.title,
        rule.level.name.lower() if rule.level else "medium",
        file=file,
        digest=_digest(rule),
        version=version if isinstance(version, int) else 1,
        about=about,
    )


def tests_of(entries: Any) -> tuple[RuleTest, ...]:
    """Tests in the words of models/detections/README.md. Raises SigmaRuleError D10."""
    if not isinstance(entries, list | tuple):
        raise SigmaRuleError("tests is no list", "every test says `name` and `expect`")
    return tuple(_test(entry) for entry in entries)


def _test(entry: Mapping[str, Any]) -> RuleTest:
    try:
        name, expect = str(entry["name"]), cast(Expectation, entry["expect"])
    except (TypeError, KeyError) as error:
        raise SigmaRuleError(f"a test has no {error}", "every test says `name` and `expect`") from error
    if expect not in get_args(Expectation):
        raise SigmaRuleError(f"test {name!r} expects {expect!r}", f"one of {', '.join(get_args(Expectation))}")
    story = {key: value for key, value in entry.items() if key in ("calls", "spans", "baselines")}
    return RuleTest(name=name, expect=expect, severity=str(entry.get("severity", "")), story=story)


def _digest(rule: SigmaRuleBase) -> str:
    content = {key: value for key, value in rule.to_dict().items() if key != "tests"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
