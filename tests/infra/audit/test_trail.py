from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from rich.console import Console

from triptych.infra.audit import ocsf, view
from triptych.infra.audit.gathering import gather
from triptych.infra.audit.selection import Selection
from triptych.infra.audit.trail import Trail, lines, summary
from triptych.infra.replay.recorded import Recorded
from triptych.models import finding, testing, topics, wire
from triptych.models import ocsf as findings
from triptych.models.detections.engine import Rulebook
from triptych.models.errors import ConfigError
from triptych.models.events import AgentSpan, Alert, Call, Coverage, Placement, Principal
from triptych.models.turn import EARLY

OUT = "203.0.113.7:443"
OTHER = "0af7651916cd43dd8448eb211c80319c"
CODEC = wire.bundled()
TOPIC_OF: dict[type, str] = {AgentSpan: topics.AGENT, Call: topics.CALLS, Alert: topics.ALERTS}


def theft() -> Call:
    effects = (
        testing.exec_("/usr/bin/python3", "-c", "pass", at_s=0.05),
        testing.read("/home/ann/.aws/credentials", 0.2),
        testing.connect(OUT, 0.3),
        testing.send(OUT, 1200, 0.4),
    )
    where = Placement(namespace="tools", pod="files-1", container="server")
    return testing.call("read_config", *effects, placement=where)


def other() -> Call:
    principal = Principal(kind="token", id="bob")
    told: dict[str, Any] = {"correlation_id": OTHER, "conversation": "feed", "server": "mail", "principal": principal}
    return testing.call("send_mail", at_s=60, **told)


def found() -> Alert:
    turn = testing.turn(theft(), spans=[testing.span()])
    return finding.assemble(turn, Rulebook.load().evaluate(turn, {}).hits, None, {}, tenant="acme")


def records(*events: AgentSpan | Call | Alert) -> Any:
    """What a broker would hold."""
    held = [
        Recorded(
            topic=TOPIC_OF[type(event)], partition=0, offset=number, timestamp=0, timestamp_type=0, key=None,
            value=CODEC.encode(event),
        )
        for number, event in enumerate(events)
    ]  # fmt: skip

    def read(wanted: Sequence[str]) -> list[Recorded]:
        return [record for record in held if record.topic in wanted]

    return read


def tools(trail: Trail) -> list[str | None]:
    return [call.tool for call in trail.calls]


ALL = records(theft(), other(), testing.span(), found())


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"agent": "support-bot"}, ["read_config"]),
        ({"principal": "bob"}, ["send_mail"]),
        ({"server": "files"}, ["read_config"]),
        ({"conversation": "feed"}, ["send_mail"]),
        ({"correlation_id": OTHER}, ["send_mail"]),
        ({"agent": "support-bot", "principal": "bob"}, []),
        ({"server": "mail", "until_ns": testing.START_NS + 10**9}, []),
        ({"server": "mail", "since_ns": testing.START_NS + 60 * 10**9}, ["send_mail"]),
    ],
)
def test_what_is_named_must_all_fit(named: dict[str, Any], expected: list[str]) -> None:
    assert tools(gather(ALL, Selection(**named))) == expected


def test_an_agent_is_followed_into_another_trace_of_its_conversation() -> None:
    later = testing.call("read_config", at_s=90, correlation_id=OTHER)
    trail = gather(records(later, theft(), testing.span(conversation="c0ffee")), Selection(agent="support-bot"))
    assert [call.correlation_id for call in trail.calls] == [theft().correlation_id, OTHER]


def test_where_no_agent_tells_of_itself_the_claim_of_its_client_counts() -> None:
    trail = gather(records(replace(other(), claimed_client="support-bot")), Selection(agent="support-bot"))
    assert tools(trail) == ["send_mail"]
    assert summary(trail).agents == ("support-bot (claimed)",)


def test_a_call_counts_as_it_was_told_last() -> None:
    early = replace(theft(), revision=5, effects=(), coverage=Coverage(protocol=True, notes=(EARLY,)))
    older = replace(theft(), revision=0, effects=())
    (call,) = gather(records(replace(theft(), revision=1), early, older), Selection(server="files")).calls
    assert len(call.effects) == 4


def test_the_five_questions_have_answers() -> None:
    told = summary(gather(ALL, Selection(agent="support-bot")))
    assert (told.principals, told.agents) == (("configured:ann",), ("support-bot",))
    assert told.tools == (("read_config on files", 1),)
    assert told.places == ("tools/files-1 server node-1",)
    assert told.touched[0] == ("/home/ann/.aws/credentials", "secret.cloud")
    assert [(peer.peer, peer.outside, peer.bytes_out, peer.contacts) for peer in told.destinations] == [
        (OUT, True, 1200, 1)
    ]
    assert told.programs == ("/usr/bin/python3",)


def test_the_timeline_holds_all_layers_in_event_time() -> None:
    told = lines(gather(ALL, Selection(agent="support-bot")))
    assert [line.layer for line in told] == ["agent", "protocol", *["execution"] * 4, "protocol", "chain"]
    assert [line.wall_ns for line in told] == sorted(line.wall_ns for line in told)


def test_what_it_cannot_show_it_says() -> None:
    blind = replace(other(), coverage=Coverage(protocol=True, lost_events=3), effects_dropped=2, state="timeout")
    read = records(blind)

    def with_rubbish(wanted: Sequence[str]) -> list[Recorded]:
        return [*read(wanted), *(replace(one, value=b"rubbish") for one in read(wanted))]

    gaps = " ".join(summary(gather(with_rubbish, Selection(server="mail"))).gaps)
    for said in (
        "no sensor watched",
        "3 events of the kernel",
        "2 effects beyond",
        "never had a reply",
        "1 record could not",
    ):
        assert said in gaps


def test_an_audit_about_everything_is_refused() -> None:
    with pytest.raises(ConfigError, match="something to be about"):
        Selection(since_ns=1)
    with pytest.raises(ConfigError, match="before it begins"):
        Selection(server="files", since_ns=2, until_ns=1)


@pytest.mark.parametrize("version", findings.VERSIONS)
def test_every_event_of_a_trail_is_valid_ocsf(version: str, ocsf_problems: Any) -> None:
    trail = gather(ALL, Selection(agent="support-bot"))
    events = [orjson.loads(line) for line in ocsf.render(trail, tenant="acme", version=version)]
    assert [event["class_uid"] for event in events] == [6003, 1007, 1001, 4001, 4001, 2004]
    assert [problem for event in events for problem in ocsf_problems(event, version)] == []


@pytest.mark.parametrize("version", findings.VERSIONS)
def test_effects_of_every_kind_are_valid_ocsf(version: str, every_effect: tuple[Any, ...], ocsf_problems: Any) -> None:
    trail = Trail(calls=(testing.call("read_config", *every_effect, error_code=-32602, is_error=True),))
    events = [orjson.loads(line) for line in ocsf.render(trail, tenant="acme", version=version)]
    assert len(events) == len(every_effect)  # the call itself, and all but the unknown kind
    assert [problem for event in events for problem in ocsf_problems(event, version)] == []


def test_an_effect_of_two_calls_is_one_event() -> None:
    one = replace(testing.read("/srv/a"), source="s1")
    calls = (testing.call("a", one), testing.call("b", one))
    events = [orjson.loads(line) for line in ocsf.render(Trail(calls=calls), tenant="acme")]
    assert [event["class_uid"] for event in events].count(1001) == 1


def test_what_the_watched_side_writes_is_shown_as_words() -> None:
    console = Console(width=200, record=True, force_terminal=False)
    told = "\x1b]0;owned\x07[red]a\n"
    trail = Trail(calls=(testing.call(told, testing.read(f"/srv/{told}"), server=told, host=told),))
    with console.capture() as capture:
        console.print(view.render(summary(trail), lines(trail), most=10))
    assert "\x1b" not in capture.get()
    assert "[red]a" in capture.get()


def test_only_the_newest_lines_are_shown_and_the_rest_counted() -> None:
    trail = Trail(calls=tuple(testing.call("t", at_s=second) for second in range(30)))
    console = Console(width=120)
    with console.capture() as capture:
        console.print(view.render(summary(trail), lines(trail), most=10))
    assert "… 50 earlier lines" in capture.get()
