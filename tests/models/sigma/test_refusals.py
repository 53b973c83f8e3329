"""What Sigma can say and we cannot mean is refused with its code, the file and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.models.sigma import SigmaRuleError, SigmaRules

RULE = """
title: x
id: 00000000-0000-4000-8000-0000000000aa
name: base
logsource: {product: mcp, category: execution}
detection: {selection: {file.path: /etc/x}, condition: selection}
"""
CORRELATION = """
---
title: y
correlation: {type: event_count, rules: [base], group-by: [enduser.id], timespan: 1m, condition: {gte: 2}}
"""


def refused(tmp_path: Path, text: str) -> SigmaRuleError:
    (tmp_path / "rule.yml").write_text(text)
    with pytest.raises(SigmaRuleError) as error:
        SigmaRules.load([tmp_path])
    assert "rule.yml" in error.value.what
    return error.value


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("file.path: /etc/x", "file.path|hour: 3", "D11", "TimestampPart"),
        ("file.path: /etc/x", "file.path|expand: '%them%'", "D11", "placeholder %them%"),
        ("condition: selection", "condition: selection, timeframe: 5m", "D11", "timeframe"),
        ("name: base", "tests: 3", "D10", "tests is no list"),
        ("name: base", "tests: [{name: x, expect: maybe}]", "D10", "expects 'maybe'"),
        ("name: base", "triage: 3", "D10", "triage must be text"),
        ("file.path: /etc/x", "EventID: 4688", "D12", "no field 'EventID'"),
        ("file.path: /etc/x", "file.pat: /etc/x", "D12", "no field 'file.pat'"),
        ("file.path: /etc/x", "mcp.tool.name: x", "D12", "category execution have no field"),
        ("file.path: /etc/x", "file.path|nosuch: x", "D10", "nosuch"),
        ("file.path: /etc/x", "file.path|re: '('", "D10", "Regular expression"),
        ("product: mcp", "product: windows", "D12", "not one of ours"),
        ("category: execution", "category: process_creation", "D12", "not one of ours"),
        ("condition: selection", "condition: nothing", "D10", "nothing"),
        ("title: x", "title: [", "D10", ""),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(tmp_path: Path, before: str, after: str, code: str, said: str) -> None:
    error = refused(tmp_path, RULE.replace(before, after))
    assert error.code == code
    assert said in error.what


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("rules: [base]", "rules: [other]", "D10", "other"),
        ("[enduser.id]", "[nobody.id]", "D12", "nobody.id"),
        ("timespan: 1m", "timespan: soon", "D10", "soon"),
        ("type: event_count", "type: temporal", "D11", "`not`"),
        ("[enduser.id]", "[gen_ai.agent.name]", "D11", "gen_ai.agent.name"),
        ("gte: 2", "gte: 5000", "D11", "5000 events"),
    ],
)
def test_a_correlation_that_cannot_be_meant_is_refused(
    tmp_path: Path, before: str, after: str, code: str, said: str
) -> None:
    text = CORRELATION.replace(before, after)
    if "temporal" in after:
        text = text.replace("condition: {gte: 2}", "condition: not base")
    error = refused(tmp_path, RULE + text)
    assert error.code == code
    assert said in error.what


def test_a_correlation_of_rules_about_the_agent_is_refused(tmp_path: Path) -> None:
    text = RULE.replace("file.path: /etc/x", "gen_ai.agent.name: mailer")
    assert "gen_ai.agent.name" in refused(tmp_path, text + CORRELATION).what


def test_two_rules_with_one_id_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, f"{RULE}---{RULE}").code == "D01"


def test_a_filter_is_refused(tmp_path: Path) -> None:
    text = (
        "title: f\nlogsource: {product: mcp}\nfilter: {rules: [base], selection: {file.path: x}, condition: selection}"
    )
    assert refused(tmp_path, f"{RULE}---\n{text}\n").code == "D11"
