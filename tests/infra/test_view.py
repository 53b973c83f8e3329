from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from triptych.infra import view
from triptych.models import baseline as keys
from triptych.models import finding, ocsf, testing
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Coverage, Score
from triptych.models.risk import Judgement

BOOK = Rulebook.load()


def stolen() -> Alert:
    effects = (
        testing.read("/srv/app/config.toml", 0.1, declared=True),
        testing.read("/home/ann/.aws/credentials", 0.2),
        testing.connect("203.0.113.7:443", 0.3),
        testing.send("203.0.113.7:443", 1200, 0.4),
    )
    turn = testing.turn(testing.call("read_config", *effects, unobserved=("/backup",)), spans=[testing.span()])
    views = {"files": testing.baseline(supports={keys.tool_key("read_config"): 42})}
    return finding.assemble(turn, BOOK.evaluate(turn, views).hits, None, views, tenant="acme")


def shown(renderable: RenderableType, *, width: int = 100, terminal: bool = False) -> str:
    console = Console(
        width=width, file=io.StringIO(), force_terminal=terminal, color_system="truecolor" if terminal else None
    )
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def line_with(text: str, part: str) -> str:
    return next(line for line in text.splitlines() if part in line)


def test_a_finding_shows_what_how_bad_who_and_why() -> None:
    text = shown(view.render_finding(stolen()))
    for part in (
        "Credential read, then data sent out, in one call: read_config on files",
        "CRITICAL", "risk 95", "confidence 95 %", "binding exact", "ann", "support-bot",
        "never contacted by read_config (0 of 42 sessions)",
        "chain.credential-read-then-egress v", "AML.T0098", "MCP01:2025", "ATLAS 2026.09",
        "✓ protocol", "nothing lost", "revision 1",
    ):  # fmt: skip
        assert part in text


def test_nothing_is_wider_than_the_terminal() -> None:
    for width in (80, 100, 140):
        assert max(map(len, shown(view.render_finding(stolen()), width=width).splitlines())) <= width


def test_the_timeline_runs_in_event_time_with_a_lane_for_each_layer() -> None:
    text = shown(view.render_finding(stolen()))
    assert "+0.0 ms  ● │ │  agent" in text
    assert "+500.0 ms  │ ● │  protocol" in text
    assert "◆" in line_with(text, "python3 read /…/.aws/credentials (secret.cloud)")
    assert "●" in line_with(text, "python3 read /srv/app/config.toml")


def test_declared_and_observed_are_held_against_each_other() -> None:
    text = shown(view.render_finding(stolen()))
    assert "/srv/app/config.toml" in line_with(text, "✓ declared and observed")
    assert "/…/.aws/credentials" in line_with(text, "! observed, not declared")
    assert "/backup" in line_with(text, "? declared, not observed")


def test_piped_output_holds_no_escape_and_a_terminal_gets_colour() -> None:
    assert "\x1b" not in shown(view.render_finding(stolen()))
    assert "\x1b" in shown(view.render_finding(stolen()), terminal=True)


def test_what_did_not_watch_and_what_was_lost_is_said() -> None:
    coverage = Coverage(protocol=True, lost_events=12, notes=("sensor silent for 4 s",))
    text = shown(view.render_finding(replace(stolen(), coverage=coverage)))
    for part in ("✗ execution", "✗ agent", "12 events lost", "sensor silent for 4 s"):
        assert part in text


def test_a_score_shows_its_basis() -> None:
    score = Score(risk=83, p=4.8e-4, calibration_size=120, state="provisional")
    assert "p 0.00048 over 120 turns, baseline provisional" in shown(
        view.render_finding(replace(stolen(), score=score))
    )


def test_the_agreement_of_layers_is_shown_to_people_and_to_a_siem() -> None:
    score = Score(risk=83, p=4.8e-4, calibration_size=120, state="active")
    told = Judgement(score, layers={"protocol": 61.0, "execution": 93.0})
    turn = testing.turn(testing.call("read_config"))
    alert = finding.assemble(turn, (), told, {}, tenant="acme")
    expected = "unusual by itself in 2 of 2 layers (risk of execution 93, protocol 61)"
    assert expected in shown(view.render_finding(alert))
    assert expected.encode() in ocsf.render(alert, tenant="acme")


def test_a_run_of_ordinary_lines_is_folded() -> None:
    effects = [testing.read(f"/srv/data/{index}", 0.001 * index) for index in range(40)]
    turn = testing.turn(testing.call("read_config", *effects, testing.read("/home/ann/.aws/credentials", 0.5),
                                     testing.connect("203.0.113.7:443", 0.6)))  # fmt: skip
    alert = finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant="acme")
    assert "… 38 more of the same layer" in shown(view.render_finding(alert))


@pytest.mark.parametrize("hostile", ["\x1b[2J", "[bold]x[/bold]", "[/]", "\u202egpj", "a\nb", "\ud800"])
def test_a_hostile_name_is_text_and_nothing_else(hostile: str) -> None:
    alert = replace(stolen(), title=hostile, message=hostile, tool=hostile, agent=hostile, unobserved=(hostile,))
    for text in (shown(view.render_finding(alert)), shown(view.render_line(alert))):
        assert not [char for char in "\x1b\u202e\ud800" if char in text]
    assert hostile not in shown(view.render_line(alert)) or hostile.isprintable()
    if hostile.startswith("["):
        assert hostile in shown(view.render_finding(alert))


def test_an_empty_alert_can_be_shown() -> None:
    assert "UNKNOWN" in shown(view.render_finding(Alert()))
    assert "Unusual for this server" in shown(view.render_line(Alert()))


def test_a_line_has_less_than_a_hundred_columns() -> None:
    for tool in ("a", "a_tool_with_a_name_of_quite_some_length_indeed"):
        line = shown(view.render_line(replace(stolen(), tool=tool))).rstrip("\n")
        assert len(line) < 100
        assert "\n" not in line
        assert stolen().finding_uid in line


def test_a_line_says_which_revision_it_is_where_that_is_asked_for() -> None:
    alert = replace(stolen(), sequence=12, activity="close")
    assert "close 12" not in shown(view.render_line(alert))
    line = shown(view.render_line(alert, revision=True)).rstrip("\n")
    assert "close 12" in line
    assert len(line) < 100
