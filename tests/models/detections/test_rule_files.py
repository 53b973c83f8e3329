from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from triptych.models.detections.engine import Rulebook, RuleError, lock
from triptych.models.detections.engine.proof import prove
from triptych.models.detections.engine.rule import read_rule
from triptych.models.errors import ConfigError

HEAD = """
id = "execution.opens-a-file"
version = 1
title = "Opens a file"
severity = "low"
risk = 30
attacks = ["T1005"]
tags = ["owasp_asi:ASI02"]
why = "For tests."
blind = "Everything else."
false_positives = ["All of them."]
triage = ["Look away."]
[needs]
layers = ["execution"]
"""
MATCH = """
[[match]]
step = "open"
on = "effect"
where.kind = "open"
"""
TESTS = """
[[tests]]
name = "opens"
expect = "hit"
calls = [{ tool = "a", effects = [{ read = "/a" }] }]
[[tests]]
name = "writes"
expect = "hit"
calls = [{ tool = "a", effects = [{ write = "/a" }] }]
[[tests]]
name = "connects"
expect = "quiet"
calls = [{ tool = "a", effects = [{ connect = "10.0.0.1:80" }] }]
[[tests]]
name = "does nothing"
expect = "quiet"
calls = [{ tool = "a" }]
"""


def rule_file(folder: Path, text: str = HEAD + MATCH + TESTS, name: str = "opens-a-file") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.toml"
    file.write_text(text)
    return file


def test_a_rule_is_read_and_proves_itself(tmp_path: Path) -> None:
    assert prove(read_rule(rule_file(tmp_path))) == []


def test_an_operators_folder_adds_its_rules(tmp_path: Path) -> None:
    rule_file(tmp_path / "deep" / "er")
    assert "execution.opens-a-file" in {rule.id for rule in Rulebook.load([tmp_path]).rules}


def test_two_rules_with_one_id_are_refused_with_both_files(tmp_path: Path) -> None:
    first, second = rule_file(tmp_path / "a"), rule_file(tmp_path / "b")
    with pytest.raises(RuleError) as refusal:
        Rulebook.load([tmp_path])
    assert refusal.value.code == "D01"
    assert str(first) in str(refusal.value)
    assert str(second) in str(refusal.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder of rules"):
        Rulebook.load([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Opens a file"', 'titel = "x"\ntitle = "x"', "titel: unknown key"),
        ('title = "Opens a file"\n', "", "title is missing"),
        ("version = 1", 'version = "1"', "version must be a whole number"),
        ('severity = "low"', 'severity = "loud"', "severity: unknown value 'loud'"),
        ("risk = 30", "risk = 130", "risk is 130"),
        ('"T1005"', '"T9999"', "'T9999' is not in the framework table"),
        ('"owasp_asi:ASI02"', '"owasp_asi:ASI99"', "'owasp_asi:ASI99' is not in the framework table"),
        ('layers = ["execution"]', 'layers = ["kernel"]', "unknown layer 'kernel'"),
        ('on = "effect"', 'on = "packet"', "match[0].on: unknown value 'packet'"),
        ('where.kind = "open"', 'where.kind = "opne"', "match[0].where.kind: unknown value 'opne'"),
        ('where.kind = "open"', 'where.kidn = "open"', "match[0].where.kidn: unknown key"),
        ('where.kind = "open"', "where.kind = 3", "3 does not fit a choice field"),
        ('where.kind = "open"', 'where.path.matches = ".*"', "where.path.matches: unknown operator 'matches'"),
        ('where.kind = "open"', "where.path = {}", "where.path names no operator"),
        ('where.kind = "open"', "where.path.exists = 1", "must be true or false"),
        ('where.kind = "open"', 'where.port.at_least = "x"', "'x' does not fit a number field"),
        ('where.kind = "open"', "", "match[0].where says nothing"),
        ('where.kind = "open"', "where.any = [{}]", "match[0].where.any[0] says nothing"),
        ('where.kind = "open"', 'where.never = { what = "weather", in_sessions = 3 }', "unknown value 'weather'"),
        ('where.kind = "open"', 'where.never = { what = "egress", in_sessions = 0 }', "in_sessions is 0"),
        ('where.kind = "open"', 'where.not.never = { what = "egress", in_sessions = 3 }', "cannot stand under not"),
        ('step = "open"', 'step = "open"\ncall = "same"', "match[0].call: unknown key"),
        ('step = "open"', 'step = "open"\nwithin_s = 3', "match[0].within_s: unknown key"),
        ("[[match]]", "[[matches]]", "match is missing"),
        ("[[match]]", '[dedup]\nby = ["colour"]\n[[match]]', "dedup.by: unknown part 'colour'"),
        ("[[match]]", "[dedup]\nwindow_s = 600\n[[match]]", "dedup.by is missing"),
        ("[[match]]", '[dedup]\nby = ["server"]\nwindow_s = 5\n[[match]]', "dedup.window_s is 5"),
        ("[[match]]", '[dedup]\nby = ["server"]\n[window]\n[[match]]', "a [window] says itself"),
        ('expect = "quiet"', 'expect = "maybe"', "unknown value 'maybe'"),
        ('expect = "quiet"', 'expect = "hit"', "0 test(s) expect 'quiet'"),
        ('id = "execution.opens-a-file"', 'id = "opens a file"', "is no rule id"),
        ('id = "execution.opens-a-file"', 'id = "execution.opens-two"', "does not fit the file name"),
        ('severity = "low"', 'severity = "high"', "severity high cannot rest on binding none"),
        (
            'layers = ["execution"]',
            'layers = ["execution"]\noutside_calls = true\nbinding = "exact"',
            "outside every call no effect is bound by exact",
        ),
    ],
)
def test_a_wrong_word_is_refused_with_file_and_place(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = HEAD + MATCH + TESTS
    assert old in text
    file = rule_file(tmp_path, text.replace(old, new))
    with pytest.raises(RuleError) as refusal:
        read_rule(file)
    assert refusal.value.code == "D02"
    assert complaint in str(refusal.value)
    assert str(file) in str(refusal.value)


def test_a_refusal_lists_what_is_allowed(tmp_path: Path) -> None:
    file = rule_file(tmp_path, (HEAD + MATCH + TESTS).replace("where.kind =", "where.kidn ="))
    with pytest.raises(RuleError) as refusal:
        read_rule(file)
    assert "kind" in refusal.value.hint
    assert "sensitivity" in refusal.value.hint


def test_text_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="cannot be read as TOML"):
        read_rule(rule_file(tmp_path, "[["))


def test_a_false_claim_is_named_with_what_the_rule_says(tmp_path: Path) -> None:
    rule = read_rule(
        rule_file(tmp_path, HEAD + MATCH + TESTS.replace('{ write = "/a" }', '{ connect = "10.0.0.1:80" }'))
    )
    assert prove(rule) == ["execution.opens-a-file: 'writes' expects hit, the rule says quiet"]


def test_a_story_with_an_unknown_word_is_named(tmp_path: Path) -> None:
    rule = read_rule(
        rule_file(tmp_path, HEAD + MATCH + TESTS.replace('{ write = "/a" }', '{ write = "/a", colour = 1 }'))
    )
    [problem] = prove(rule)
    assert "'writes' cannot be told" in problem


def test_a_changed_rule_without_a_new_version_breaks_the_lock(tmp_path: Path) -> None:
    rule = read_rule(rule_file(tmp_path))
    entries = {rule.id: lock.Locked(version=rule.version, sha256=rule.digest)}
    changed = replace(rule, digest="0" * 64)
    assert lock.problems([rule], entries) == []
    assert "raise its version above 1" in lock.problems([changed], entries)[0]
    assert "write the lock again" in lock.problems([replace(changed, version=2)], entries)[0]
    assert lock.problems([rule], {}) == [f"{rule.id} is not in the lock"]
    assert lock.problems([], entries) == [f"{rule.id} is locked but gone"]


def test_tests_do_not_count_as_a_change(tmp_path: Path) -> None:
    more = TESTS + '[[tests]]\nname = "again"\nexpect = "quiet"\n'
    one, other = rule_file(tmp_path / "a"), rule_file(tmp_path / "b", HEAD + MATCH + more)
    assert read_rule(one).digest == read_rule(other).digest
