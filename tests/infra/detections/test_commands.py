"""The commands as a new user meets them: from nothing to a rule that fires, in each of the three forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from triptych.infra.cli.main import app
from triptych.models.errors import TriptychError

HERE = Path(__file__).parent
README = HERE.parents[2] / "infra" / "detections" / "README.md"
FORMS = {"--python": "python.reads-payroll", "--sigma": "sigma.", "": "execution.reads-payroll"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_five_commands_of_the_readme_lead_to_a_rule_that_fires() -> None:
    block = README.read_text().partition("```console\n")[2].partition("```")[0]
    commands = [line.removeprefix("$ triptych ").split() for line in block.splitlines() if line.startswith("$ ")]
    assert len(commands) == 5
    for command in commands[:-1]:
        done(*command)
    found = json.loads(done(*commands[-1], "--json"))
    assert any("python.reads-payroll" in str(finding["rules"]) for finding in found["findings"])


@pytest.mark.parametrize("form", FORMS)
def test_a_new_rule_holds_what_its_tests_claim_and_fires_in_a_replay(form: str) -> None:
    done("detections", "new", "reads-payroll", "--folder", "rules", *filter(None, [form]))
    done("detections", "test", "rules", "--calls-to", "calls")
    found = json.loads(done("replay", "--calls", "calls", "--rules", "rules", "--json"))
    rules = [rule for finding in found["findings"] for rule in str(finding["rules"]).split(", ")]
    assert any(rule.startswith(FORMS[form]) for rule in rules)


def test_a_claim_that_does_not_hold_is_told_and_ends_with_1() -> None:
    done("detections", "new", "reads-payroll", "--python", "--folder", "rules")
    file = Path("rules/reads_payroll.py")
    file.write_text(file.read_text().replace("/srv/payroll/", "/srv/elsewhere/", 1))
    result = run("detections", "test", "rules")
    assert result.exit_code == 1
    assert "python.reads-payroll: 'a tool reads the payroll' expects hit, the rule says quiet" in result.stderr


def test_a_rule_that_raises_fails_its_tests_with_what_it_raised() -> None:
    done("detections", "new", "reads-payroll", "--python", "--folder", "rules")
    file = Path("rules/reads_payroll.py")
    file.write_text(file.read_text().replace("    return any(", "    return call.nothing or any("))
    result = run("detections", "test", "rules")
    assert result.exit_code == 1
    assert "AttributeError: a record has no field 'nothing'" in result.stderr


def test_a_new_rule_is_not_written_over_an_old_one() -> None:
    done("detections", "new", "reads-payroll", "--folder", "rules")
    result = run("detections", "new", "reads-payroll", "--folder", "rules")
    assert isinstance(result.exception, TriptychError)
    assert result.exception.code == "D23"


def test_lint_says_what_a_scaffold_still_owes() -> None:
    done("detections", "new", "reads-payroll", "--folder", "rules")
    result = run("detections", "lint", "rules")
    assert result.exit_code == 1
    assert "execution.reads-payroll: blind does not say what it cannot see" in result.stdout


def test_lint_tells_exceptions_that_ended_or_name_no_rule() -> None:
    Path("exceptions.toml").write_text(
        '[[exception]]\nid = "old"\nrule = "chain.no-such-rule"\nowner = "a"\nreason = "b"\n'
        'expires = 2020-01-01\nscope = { "mcp.server.id" = "files" }\n'
    )
    result = run("--set", "findings.exceptions=exceptions.toml", "detections", "lint")
    assert result.exit_code == 1
    assert "has ended and holds nothing back" in result.stdout
    assert "no rule is called chain.no-such-rule" in result.stdout


def test_explain_and_list_speak_of_every_form() -> None:
    for form in FORMS:
        done("detections", "new", "reads-payroll", "--folder", "rules", *filter(None, [form]))
    listed = json.loads(done("detections", "list", "rules", "--json"))
    for rule in FORMS.values():
        assert any(row["rule"].startswith(rule) for row in listed)
        assert "false positives" in done("detections", "explain", rule, "rules")
    assert "T1005" in done("detections", "coverage", "rules")


def test_the_fields_that_are_listed_are_those_of_the_log_source() -> None:
    rows = json.loads(done("detections", "list", "--fields", "--json"))
    assert {"category": "execution", "field": "file.path"} in rows
    text = README.read_text()
    assert [row["field"] for row in rows if f"`{row['field']}`" not in text] == [], "the README publishes every field"


def test_what_sigma_cannot_say_is_refused_with_the_reason() -> None:
    assert "category: execution" in done("detections", "convert", "execution.cloud-metadata", "--to", "sigma")
    result = run("detections", "convert", "chain.credential-read-then-egress")
    assert isinstance(result.exception, TriptychError)
    assert result.exception.code == "D24"


def test_a_pinned_folder_takes_no_other_rule() -> None:
    done("detections", "new", "reads-payroll", "--folder", "rules")
    done("detections", "pin", "rules")
    done("detections", "list", "rules")
    file = Path("rules/reads-payroll.toml")
    file.write_text(file.read_text().replace("/srv/payroll/", "/srv/none/", 1))
    result = run("detections", "list", "rules")
    assert isinstance(result.exception, TriptychError)
    assert result.exception.code == "D21"
