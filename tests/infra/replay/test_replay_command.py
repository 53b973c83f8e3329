from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from triptych.infra.cli.main import app
from triptych.infra.cli.options import Options
from triptych.models import topics
from triptych.models.errors import TriptychError
from triptych.models.events import Alert, RuleHit


def run(*words: str) -> Any:
    result = CliRunner().invoke(app, list(words), obj=Options())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(history: Any, tmp_path: Path) -> Path:
    return history.write(tmp_path / "events", history.usual())


def found(folder: Path) -> dict[str, Any]:
    return json.loads(run("replay", "--events", str(folder), "--json").stdout)


def test_a_replay_prints_its_findings_and_ends_well(folder: Path) -> None:
    result = run("replay", "--events", str(folder))
    assert result.exit_code == 0
    assert "chain.credential-read-then-egress" in result.stdout


def test_a_replay_tells_its_incidents(folder: Path) -> None:
    (incident,) = found(folder)["incidents"]
    uid = incident["unmapped"]["mcp"]["incident"]["uid"]
    assert uid in run("replay", "--events", str(folder)).stdout


def test_what_cannot_be_read_is_counted_and_is_not_in_the_way_of_the_json(history: Any, tmp_path: Path) -> None:
    first, *others = history.usual()
    junk = replace(first, offset=max(one.offset for one in others) + 1, value=b"junk")
    told = found(history.write(tmp_path / "junk", [first, *others, junk]))
    assert (told["dead_letters"], len(told["findings"])) == ({"W01": 1}, 1)


def test_findings_where_none_are_expected_end_with_1(folder: Path) -> None:
    assert run("replay", "--events", str(folder), "--expect-none").exit_code == 1


def test_a_finding_that_was_not_recorded_is_new_and_ends_with_1(history: Any, folder: Path, tmp_path: Path) -> None:
    (uid,) = (one["finding"] for one in found(folder)["findings"])
    other = Alert(finding_uid="trp-other", severity="low", wall_ns=1_700_000_000 * 10**9)
    theirs = history.write(tmp_path / "alerts", history.on_topics([(topics.ALERTS, other)]))
    result = run("replay", "--events", str(folder), "--diff", str(theirs), "--json")
    differences = {one["difference"]: one for one in json.loads(result.stdout)["differences"]}
    assert (result.exit_code, differences.keys()) == (1, {"new", "gone"})
    assert (differences["new"]["now"]["finding"], differences["gone"]["before"]["finding"]) == (uid, "trp-other")


def test_findings_recorded_beside_the_events_are_the_same_and_end_with_0(
    history: Any, folder: Path, tmp_path: Path
) -> None:
    (told,) = found(folder)["findings"]
    severity, rules = told["severity"], told["rules"]
    known = Alert(
        finding_uid=told["finding"], severity=severity, risk=float(told["risk"]), sequence=1,
        rules=tuple(RuleHit(id=rule) for rule in rules.split(", ")), wall_ns=history.usual()[5].timestamp * 10**6,
    )  # fmt: skip
    both = history.write(tmp_path / "both", [*history.usual(), *history.on_topics([(topics.ALERTS, known)])])
    assert run("replay", "--events", str(both), "--diff", "recorded").exit_code == 0
    worse = replace(known, severity="low")
    both = history.write(tmp_path / "worse", [*history.usual(), *history.on_topics([(topics.ALERTS, worse)])])
    result = run("replay", "--events", str(both), "--diff", "recorded")
    assert (result.exit_code, f"low -> {severity}" in result.stdout) == (1, True)


def test_two_folders_of_rules_are_held_against_each_other(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    result = run("replay", "--events", str(folder), "--rules", str(rules), "--diff-rules", str(rules))
    assert result.exit_code == 0


def test_a_span_without_records_is_no_answer(folder: Path) -> None:
    """Else `--expect-none` would pass where nothing was judged."""
    with pytest.raises(TriptychError, match="E03 nothing to replay"):
        run("replay", "--events", str(folder), "--since", "2020-01-01", "--until", "2020-01-02", "--expect-none")


def test_a_recording_that_is_cut_is_replayed_where_that_is_asked_for(folder: Path) -> None:
    whole = next((folder / topics.AGENT).glob("*.avro"))
    whole.write_bytes(whole.read_bytes()[:-5])
    with pytest.raises(TriptychError, match="E01") as raised:
        run("replay", "--events", str(folder))
    assert "--salvage" in raised.value.hint
    result = run("replay", "--events", str(folder), "--salvage")
    assert "chain.credential-read-then-egress" in result.stdout
    assert f"salvaged: {whole}" in result.stderr


def test_findings_to_compare_with_that_are_cut_are_told(history: Any, folder: Path, tmp_path: Path) -> None:
    known = [(topics.ALERTS, Alert(finding_uid=uid, severity="low", wall_ns=10**18)) for uid in ("trp-1", "trp-2")]
    theirs = history.write(tmp_path / "alerts", history.on_topics(known))
    cut = next((theirs / topics.ALERTS).glob("*.avro"))
    cut.write_bytes(cut.read_bytes()[:-5])
    result = run("replay", "--events", str(folder), "--diff", str(theirs), "--salvage")
    assert result.stderr.count(f"salvaged: {cut}") == 1


def test_a_cut_recording_that_is_compared_with_itself_is_told_once(history: Any, tmp_path: Path) -> None:
    known = history.on_topics([(topics.ALERTS, Alert(finding_uid="trp-1", severity="low", wall_ns=10**18))])
    both = history.write(tmp_path / "both", [*history.usual(), *known])
    cut = next((both / topics.AGENT).glob("*.avro"))
    cut.write_bytes(cut.read_bytes()[:-5])
    result = run("replay", "--events", str(both), "--diff", str(both), "--salvage")
    assert result.stderr.count(f"salvaged: {cut}") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay"], "one of --events and --calls"),
        (["replay", "--events", "x", "--calls", "y"], "one of --events and --calls"),
        (["replay", "--events", "nowhere"], "is not there"),
        (["replay", "--events", "x", "--diff", "a", "--diff-rules", "b"], "two comparisons"),
        (["replay", "--events", "x", "--since", "soon"], "no point in time"),
        (["replay", "--events", "x", "--since", "1d", "--until", "2d"], "is not after"),
    ],
)
def test_what_cannot_be_meant_is_told(words: list[str], said: str) -> None:
    with pytest.raises(TriptychError, match=said):
        run(*words)
