from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from triptych.models import topics
from triptych.models.detections.engine import Addition, Memory, Rulebook
from triptych.models.events import Alert, Call
from triptych.models.hygiene import Exemptions, Hygiene, Limits, Note
from triptych.models.hygiene.file import read_file
from triptych.models.testing import START_NS, call, read, send
from triptych.streams.judgement import Judge, Judging
from triptych.streams.known import Known
from triptych.streams.pins import Pin
from triptych.streams.stage import Output
from triptych.streams.turns import JudgeTimes, Turns

S = 1_000_000_000
SPOOFED: dict[str, Any] = {"anomalies": ("unknown-response-id",)}
SECRET = read("/home/ann/.aws/credentials", 0.1)
OUT = send("198.51.100.66:9911", 400_000, 0.2)
RULES = Rulebook.load()


class Worker:
    """Stage 2 with what its store would hold."""

    def __init__(self, *, limits: Limits | None = None, exemptions: Exemptions | None = None) -> None:
        hygiene = Hygiene(limits, exemptions)
        self.stage = Turns(JudgeTimes(), Judge(Judging(), RULES, hygiene=hygiene))
        self.outputs: list[Output] = []
        self.ledger: dict[str, dict[str, bytes]] = {}
        self.windows = Memory()

    def take(self, *calls: Call) -> list[Alert]:
        before = len(self.outputs)
        for one in calls:
            windows = {addition.place: self.windows.add(addition) for addition in self.stage.wanted([one]).additions}
            ledger = {name: dict(fields) for name, fields in self.ledger.items()}
            step = self.stage.add(one, Pin(), Known(ledger=ledger, windows=windows))
            self._carry_out(step.outputs, step.writes)
        return [out.value for out in self.outputs[before:] if isinstance(out.value, Alert)]

    def advance(self, to_s: float) -> list[Alert]:
        before = len(self.outputs)
        step = self.stage.advance(START_NS + round(to_s * S))
        self._carry_out(step.outputs, step.writes)
        return [out.value for out in self.outputs[before:] if isinstance(out.value, Alert)]

    def suppressed(self) -> list[dict[str, Any]]:
        return [orjson.loads(out.value) for out in self.outputs if out.topic == topics.ALERTS_SUPPRESSED]  # type: ignore[arg-type]

    def _carry_out(self, outputs: Iterable[Output], writes: Iterable[object]) -> None:
        self.outputs += outputs
        for write in writes:
            if isinstance(write, Note):
                self.ledger.setdefault(write.name, {})[write.field] = write.value
            elif isinstance(write, Addition):
                self.windows.add(write)


def theft(at_s: float, **values: Any) -> Call:
    """A credential read and sent out, in a turn of its own."""
    effects = (
        replace(SECRET, wall_ns=SECRET.wall_ns + round(at_s * S)),
        replace(OUT, wall_ns=OUT.wall_ns + round(at_s * S)),
    )
    return call("read_config", *effects, at_s=at_s, **{"correlation_id": f"{round(at_s * 1000):032x}", **values})


def test_a_thousand_identical_hits_create_once_and_update_seldom() -> None:
    worker = Worker()
    told = worker.take(*(theft(number * 10) for number in range(300)))
    assert [alert.activity for alert in told].count("create") == 1
    assert len({alert.finding_uid for alert in told}) == 1
    assert 9 <= len(told) <= 11, "50 minutes, and an update every five"
    assert [alert.sequence for alert in told] == list(range(1, len(told) + 1))
    assert told[-1].reasons[0].fact.startswith("seen in ")
    assert worker.stage.counts()["repeated"] == 299


def test_a_repetition_after_the_window_is_news() -> None:
    worker = Worker()
    first, again, later = (worker.take(theft(at_s)) for at_s in (0, 100, 3_700))
    assert [alert.activity for alert in (*first, *later)] == ["create", "create"]
    assert again == []


@pytest.mark.parametrize(
    "other",
    [
        {"server": "mails"},
        {"tool": "read_other"},
        {"principal": "bob"},
        {"effects": (SECRET, send("203.0.113.80:443", 9_000, 0.2))},
    ],
)
def test_another_server_tool_principal_or_destination_is_news(other: dict[str, Any]) -> None:
    worker = Worker()
    worker.take(theft(0))
    one = theft(1)
    if "server" in other:
        one = replace(one, server=replace(one.server, id=other["server"]))
    elif "principal" in other:
        one = replace(one, principal=replace(one.principal, id=other["principal"]))
    else:
        one = replace(one, **other)
    (told,) = worker.take(one)
    assert told.activity == "create"


def test_a_repetition_that_does_more_is_news_of_its_own() -> None:
    worker = Worker()
    worker.take(theft(0))
    told = worker.take(theft(1), replace(theft(1), revision=1, anomalies=("session_not_issued",)))
    assert all(alert.activity == "create" for alert in told)


def test_a_restart_in_the_window_makes_no_new_finding_and_loses_no_update() -> None:
    worker = Worker()
    (created,) = worker.take(theft(0))
    worker.take(*(theft(at_s) for at_s in range(1, 200, 20)))
    restarted = Worker()
    restarted.ledger = worker.ledger
    told = restarted.take(theft(0), *(theft(at_s) for at_s in range(1, 400, 20)))
    assert {alert.finding_uid for alert in told} == {created.finding_uid}
    assert told[0].event_id == created.event_id, "what was told before comes again under the same id"
    assert [alert.activity for alert in told[1:]] == ["update"]


def test_two_workers_share_what_was_told() -> None:
    one, two = Worker(), Worker()
    two.ledger = one.ledger
    (created,) = one.take(theft(0))
    assert two.take(theft(1)) == []
    (update,) = two.take(theft(400))
    assert (update.finding_uid, update.activity, update.sequence) == (created.finding_uid, "update", 2)
    one.take(call("list_dir", at_s=401))
    assert one.advance(402)[0].sequence == 3, "the last revision is numbered behind what the other worker told"


def test_a_flood_of_one_workload_is_one_finding_with_counts() -> None:
    worker = Worker(limits=Limits(per_entity=20))
    told = worker.take(*(replace(theft(at_s), tool=f"tool{at_s}") for at_s in range(100)))
    floods = [alert for alert in told if alert.rules[0].id == "hygiene.rate-limited"]
    assert len(told) - len(floods) == 20
    assert len({alert.finding_uid for alert in floods}) == 1
    assert [alert.activity for alert in floods] == ["create"] + ["update"] * 6
    assert "64 findings held back" in floods[-1].message
    assert len(worker.suppressed()) == worker.stage.counts()["limited"] == 80
    assert {one["status_id"] for one in worker.suppressed()} == {3}


def test_noise_uses_up_no_room_of_what_is_worse() -> None:
    worker = Worker(limits=Limits(per_entity=5))
    noise = [call(f"t{at_s}", at_s=at_s, correlation_id=f"{at_s:032x}", **SPOOFED) for at_s in range(40)]
    told = worker.take(*noise)
    assert {alert.severity for alert in told} == {"medium"}
    assert any(alert.rules[0].id == "hygiene.rate-limited" for alert in told)
    (theft_told,) = worker.take(theft(50))
    assert theft_told.severity == "critical"


EXCEPTIONS = """
[[exception]]
id = "vault"
rule = ["chain.*", "execution.*"]
owner = "payments"
reason = "the deploy tool pushes this key to the vault"
expires = 2030-01-01
scope = { "mcp.server.id" = "files", "file.path" = "/home/*/.aws/credentials" }
"""


def _exemptions(tmp_path: Any, text: str = EXCEPTIONS) -> Exemptions:
    file = tmp_path / "exceptions.toml"
    file.write_text(text)
    return Exemptions(read_file(file))


def test_what_an_exception_covers_goes_to_those_who_read_what_was_held_back(tmp_path: Any) -> None:
    worker = Worker(exemptions=_exemptions(tmp_path))
    assert worker.take(theft(0), replace(theft(0), revision=1)) == []
    assert worker.advance(500) == []
    (held,) = worker.suppressed()
    assert (held["status_id"], held["is_alert"]) == (3, False)
    assert "exception vault of payments until 2030-01-01" in held["status_detail"]
    assert worker.stage.counts()["suppressed"] >= 1
    assert worker.stage.counts()["learned"] == 0


def test_what_an_exception_does_not_cover_is_told_beside_it(tmp_path: Any) -> None:
    worker = Worker(exemptions=_exemptions(tmp_path))
    other = read("/home/ann/.ssh/id_rsa", 0.15)
    (told,) = worker.take(replace(theft(0), effects=(SECRET, other, OUT)))
    assert "id_rsa" in told.message


def test_an_exception_hides_nothing_behind_many_matches(tmp_path: Any) -> None:
    worker = Worker(exemptions=_exemptions(tmp_path))
    many = tuple(read(f"/home/u{number}/.aws/credentials", 0.1) for number in range(50))
    (told,) = worker.take(replace(theft(0), effects=(*many, read("/home/ann/.ssh/id_rsa", 0.15), OUT)))
    assert "id_rsa" in told.message


def test_an_exception_that_ended_holds_nothing_and_is_counted(tmp_path: Any) -> None:
    worker = Worker(exemptions=_exemptions(tmp_path, EXCEPTIONS.replace("2030", "2020")))
    (told,) = worker.take(theft(0))
    assert told.activity == "create"
    assert worker.stage.counts()["lapsed"] == 1


PROBING = """
[[exception]]
id = "fuzzer"
rule = ["protocol.schema-probing"]
owner = "quality"
reason = "the fuzzer of the nightly run"
expires = 2030-01-01
scope = { "mcp.server.id" = "files" }
"""


def probes(count: int, *, who: int = 0, server: str = "files", at_s: float = 0) -> list[Call]:
    """Refused requests of as many forms in one conversation, each in a turn of its own; ten complete a window."""
    made = (
        call("query", at_s=at_s + number * 2, server=server, is_error=True, error_code=-32602, conversation=f"c{who}")
        for number in range(count)
    )
    return [
        replace(one, call_id=f"{who}-{number}", correlation_id=f"{who:016x}{number:016x}", request_size=100 + number)
        for number, one in enumerate(made)
    ]


def test_an_exception_covers_what_a_window_finds(tmp_path: Any) -> None:
    worker = Worker(exemptions=_exemptions(tmp_path, PROBING))
    assert worker.take(*probes(12)) == []
    held = worker.suppressed()
    assert {one["status_id"] for one in held} == {3}
    assert "exception fuzzer of quality" in held[0]["status_detail"]
    told = worker.take(*probes(12, who=1, server="mail"))
    assert {alert.rules[0].id for alert in told} == {"protocol.schema-probing"}


def test_two_workers_that_complete_one_window_tell_one_finding() -> None:
    one, two = Worker(), Worker()
    two.ledger, two.windows = one.ledger, one.windows
    calls = probes(11)
    (created,) = one.take(*calls[:10])
    (update,) = two.take(calls[10])
    assert (created.activity, created.sequence) == ("create", 1)
    assert (update.finding_uid, update.activity, update.sequence) == (created.finding_uid, "update", 2)
    restarted = Worker()
    restarted.ledger, restarted.windows = one.ledger, one.windows
    (again,) = restarted.take(calls[9])
    assert again.event_id == created.event_id, "what is read again after a crash is told under the same id"


def test_a_flood_of_windows_of_one_workload_is_one_finding_with_counts() -> None:
    worker = Worker(limits=Limits(per_entity=5))
    told = worker.take(*(one for who in range(12) for one in probes(10, who=who, at_s=who * 25)))
    floods = {alert.finding_uid for alert in told if alert.rules[0].id == "hygiene.rate-limited"}
    assert len(floods) == 1
    assert len({alert.finding_uid for alert in told} - floods) == 5
    assert len(worker.suppressed()) == worker.stage.counts()["limited"] == 7
