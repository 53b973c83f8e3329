from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from triptych.infra.customrules.errors import PythonRuleError
from triptych.infra.detections.audit import Audit
from triptych.infra.detections.reloading import Reloading
from triptych.infra.detections.ruleset import PINS, Ruleset, digests, pins_of
from triptych.infra.detections.scaffold import write_new
from triptych.models.changes import Change, render
from triptych.models.errors import TriptychError


class Kept:
    """A folder whose rules are kept up to date."""

    def __init__(self, folder: Path, known: Any) -> None:
        self.folder, self.known = folder, known
        self.used: list[Ruleset] = []
        self.told: list[Change] = []
        self.reloading = Reloading([folder], Ruleset.load([folder]), self.used.append, Audit(self._tell, known))
        known.versions |= {rule.id: rule.digest for rule in Ruleset.load([folder]).own}

    def _tell(self, changed: Sequence[Change]) -> None:
        self.told += changed


@pytest.fixture
def kept(tmp_path: Path, known: Any) -> Kept:
    write_new(tmp_path, "reads-payroll", "toml")
    return Kept(tmp_path, known)


async def test_rules_that_stay_as_they_are_are_left_alone(kept: Kept) -> None:
    assert not await kept.reloading.run_if_due()
    assert kept.used == []


async def test_a_new_changed_or_removed_rule_is_taken_over_and_told(kept: Kept) -> None:
    file = kept.folder / "reads-payroll.toml"
    write_new(kept.folder, "reads-mail", "python")
    file.write_text(file.read_text().replace("/srv/payroll/", "/srv/pay/"))
    assert await kept.reloading.run_if_due()
    assert [(one.subject, one.action) for one in kept.told] == [
        ("execution.reads-payroll", "update"),
        ("python.reads-mail", "create"),
    ]
    file.unlink()
    assert await kept.reloading.run_if_due()
    assert (kept.told[-1].subject, kept.told[-1].action) == ("execution.reads-payroll", "delete")
    assert [rule.id for rule in kept.used[-1].own] == ["python.reads-mail"]


async def test_what_cannot_be_meant_leaves_the_old_rules_and_is_told_once(kept: Kept) -> None:
    (kept.folder / "bad.yml").write_text(
        "title: x\nlogsource: {product: windows}\ndetection: {a: {b: c}, condition: a}"
    )
    assert not await kept.reloading.run_if_due()
    assert not await kept.reloading.run_if_due()
    assert kept.used == []
    (refused,) = kept.told
    assert refused.action == "refuse"
    assert "log source" in refused.reason


async def test_a_pinned_folder_takes_only_what_is_pinned(kept: Kept) -> None:
    pins = kept.folder / PINS
    pins.write_bytes(pins_of(kept.folder, digests([kept.folder])))
    write_new(kept.folder, "reads-mail", "sigma")
    assert not await kept.reloading.run_if_due()
    assert [one.action for one in kept.told] == ["refuse"]


async def test_a_change_that_is_pinned_after_it_was_refused_is_taken_over(kept: Kept) -> None:
    pins = kept.folder / PINS
    pins.write_bytes(pins_of(kept.folder, digests([kept.folder])))
    write_new(kept.folder, "reads-mail", "sigma")
    assert not await kept.reloading.run_if_due()
    pins.write_bytes(pins_of(kept.folder, digests([kept.folder])))
    assert await kept.reloading.run_if_due()
    assert [one.action for one in kept.told] == ["refuse", "create"]


async def test_a_folder_does_not_lose_its_pins_while_a_worker_runs(kept: Kept) -> None:
    pins = kept.folder / PINS
    pins.write_bytes(pins_of(kept.folder, digests([kept.folder])))
    reloading = Reloading(
        [kept.folder], Ruleset.load([kept.folder]), kept.used.append, Audit(lambda _: None, kept.known)
    )
    pins.unlink()
    write_new(kept.folder, "reads-mail", "sigma")
    assert not await reloading.run_if_due()
    assert kept.used == []


async def test_an_audit_event_that_is_not_sent_is_told_later(kept: Kept) -> None:
    away, told = [True], list[Change]()

    def tell(changed: Sequence[Change]) -> None:
        if away:
            raise TriptychError("the broker is away")
        told.extend(changed)

    reloading = Reloading([kept.folder], Ruleset.load([kept.folder]), kept.used.append, Audit(tell, kept.known))
    write_new(kept.folder, "reads-mail", "sigma")
    assert await reloading.run_if_due()
    away.clear()
    assert not await reloading.run_if_due()
    assert not await reloading.run_if_due()
    assert [one.action for one in told] == ["create"]


async def test_what_changed_while_no_worker_ran_is_told_by_the_first_that_starts(kept: Kept) -> None:
    write_new(kept.folder, "reads-mail", "sigma")
    (kept.folder / "reads-payroll.toml").unlink()
    for _ in range(2):
        audit = Audit(kept._tell, kept.known)
        assert not await Reloading([kept.folder], Ruleset.load([kept.folder]), kept.used.append, audit).run_if_due()
    assert sorted(one.action for one in kept.told) == ["create", "delete"]


async def test_a_change_that_several_workers_see_is_told_once(kept: Kept) -> None:
    other = Reloading([kept.folder], Ruleset.load([kept.folder]), kept.used.append, Audit(kept._tell, kept.known))
    write_new(kept.folder, "reads-mail", "sigma")
    assert await kept.reloading.run_if_due()
    assert await other.run_if_due()
    assert len(kept.used) == 2
    assert [one.action for one in kept.told] == ["create"]


def test_the_same_change_told_by_two_at_once_has_one_id() -> None:
    change = Change(kind="rule", subject="x", action="update", before="a", after="b", number=3)
    one, other = (render(change, tenant="t", version="1.8.0", at_ns=at * 10**18) for at in (1, 2))
    assert orjson.loads(one)["metadata"]["uid"] == orjson.loads(other)["metadata"]["uid"]


def test_a_folder_mounted_from_a_config_map_holds_each_rule_once(tmp_path: Path) -> None:
    behind = tmp_path / "..2026_11_23"
    for form in ("toml", "python", "sigma"):
        file = write_new(behind, f"reads-{form}", form)
        (tmp_path / file.name).symlink_to(Path(behind.name) / file.name)
    assert len(Ruleset.load([tmp_path]).own) == 3


def test_a_file_that_cannot_be_meant_leaves_only_itself_out_where_that_is_asked_for(tmp_path: Path) -> None:
    for form in ("toml", "python", "sigma"):
        write_new(tmp_path, f"good-{form}", form)
    bad = {"bad.py": "def rule(call)\n", "bad.toml": "id = ", "bad.yml": "title: ["}
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TriptychError):
        Ruleset.load([tmp_path])
    aside: dict[str, str] = {}
    rules = Ruleset.load([tmp_path], aside=lambda file, error: aside.update({file.name: error.what}))
    assert len(rules.own) == 3
    assert aside.keys() == bad.keys()
    assert "line 1" in aside["bad.py"]


def test_a_second_rule_of_one_id_is_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_new(tmp_path / folder, "reads-mail", "python")
        write_new(tmp_path / folder, "reads-pay", "toml")
    aside: list[tuple[str, str]] = []
    rules = Ruleset.load([tmp_path], aside=lambda file, error: aside.append((file.parent.name, error.code)))
    assert len(rules.own) == 2
    assert aside == [("b", "D01"), ("b", "D20")]


def test_a_correlation_goes_with_the_rule_that_it_counts(tmp_path: Path) -> None:
    write_new(tmp_path, "good", "sigma")
    (tmp_path / "base.yml").write_text("title: base\nname: base\nlogsource: {product: windows}\n")
    (tmp_path / "counted.yml").write_text(
        "title: c\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n"
    )
    aside: list[str] = []
    assert len(Ruleset.load([tmp_path], aside=lambda file, _: aside.append(file.name)).own) == 1
    assert aside == ["base.yml", "counted.yml"]


def test_two_python_rules_of_one_id_are_refused(tmp_path: Path) -> None:
    write_new(tmp_path / "a", "reads-mail", "python")
    write_new(tmp_path / "b", "reads-mail", "python")
    with pytest.raises(PythonRuleError, match="stands in"):
        Ruleset.load([tmp_path])


async def test_an_audit_event_that_is_not_sent_stops_nothing(kept: Kept) -> None:
    def refuse(_: Sequence[Change]) -> None:
        raise TriptychError("the broker is away")

    reloading = Reloading([kept.folder], Ruleset.load([kept.folder]), kept.used.append, Audit(refuse, kept.known))
    write_new(kept.folder, "reads-mail", "sigma")
    assert await reloading.run_if_due()
    assert len(kept.used) == 1


def test_an_audit_event_is_one_line_with_its_time_first() -> None:
    change = Change(kind="rule", subject="python.x\x1b[31m", action="update", before="aa", after="bb", by="ann")
    body = render(change, tenant="default", version="1.8.0", at_ns=1_790_000_000_000_000_000)
    assert body.startswith(b'{"time":1790000000000,')
    assert b"\n" not in body
    event = orjson.loads(body)
    assert (event["class_uid"], event["type_uid"], event["status"]) == (3004, 300403, "Success")
    assert "\x1b" not in event["entity"]["uid"]
    assert body == render(change, tenant="default", version="1.8.0", at_ns=1_790_000_000_000_000_000)
