"""Exceptions are taken over while a worker runs, whole or not at all, and every change of them is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.infra.detections.audit import Audit
from triptych.infra.detections.exceptions import ExceptionsReloading
from triptych.models.changes import Change
from triptych.models.hygiene import Exemptions

ENTRY = """
[[exception]]
id = "{id}"
rule = "execution.credential-read"
owner = "ann"
reason = "{reason}"
expires = 2027-01-01
scope = {{ "mcp.tool.name" = "backup" }}
"""


class Kept:
    """A file of exceptions that is kept up to date."""

    def __init__(self, file: Path, known: Any) -> None:
        self.file = file
        self.write(("nightly", "the nightly backup"))
        self.used: list[Exemptions] = []
        self.told: list[Change] = []
        audit = Audit(self.told.extend, known)
        self.reloading = ExceptionsReloading([file], Exemptions.load([file]), self.used.append, audit)

    def write(self, *entries: tuple[str, str]) -> None:
        self.file.write_text("".join(ENTRY.format(id=name, reason=reason) for name, reason in entries))


@pytest.fixture
async def kept(tmp_path: Path, known: Any) -> Kept:
    kept = Kept(tmp_path / "exceptions.toml", known)
    await kept.reloading.run_if_due()
    kept.told.clear()
    return kept


async def test_exceptions_that_stay_as_they_are_are_left_alone(kept: Kept) -> None:
    kept.write(("nightly", "the nightly backup"))
    assert not await kept.reloading.run_if_due()
    assert kept.used == []


async def test_what_is_new_changed_or_gone_is_taken_over_and_told(kept: Kept) -> None:
    kept.write(("nightly", "another reason"), ("weekly", "the weekly backup"))
    assert await kept.reloading.run_if_due()
    kept.write(("weekly", "the weekly backup"))
    assert await kept.reloading.run_if_due()
    assert [(one.subject, one.action, one.by) for one in kept.told] == [
        ("nightly", "update", "ann"),
        ("weekly", "create", "ann"),
        ("nightly", "delete", ""),
    ]
    assert [entry.id for entry in kept.used[-1].entries] == ["weekly"]
    assert kept.told[0].before != kept.told[0].after != ""


async def test_what_cannot_be_meant_leaves_the_old_ones_and_is_told_once(kept: Kept) -> None:
    kept.file.write_text("[[exception]]\nid = 3")
    assert [await kept.reloading.run_if_due() for _ in range(2)] == [False, False]
    assert kept.used == []
    assert [(one.kind, one.action) for one in kept.told] == [("exception", "refuse")]


async def test_a_file_that_is_gone_for_a_while_changes_nothing(kept: Kept) -> None:
    kept.file.unlink()
    assert not await kept.reloading.run_if_due()
    assert (kept.used, kept.told) == ([], [])
