from __future__ import annotations

from pathlib import Path

import pytest

from triptych.models.hygiene import Exemptions, HygieneError
from triptych.models.hygiene.file import read_file

ENTRY = """
[[exception]]
id = "vault"
rule = "chain.credential-read-then-egress"
owner = "payments"
reason = "pushes its key to the vault"
expires = 2027-03-31
scope = { "mcp.server.id" = "files" }
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "exceptions.toml"
    file.write_text(text)
    return file


def test_an_entry_says_who_why_and_until_when(tmp_path: Path) -> None:
    (entry,) = read_file(written(tmp_path, ENTRY))
    assert entry.told == "exception vault of payments until 2027-03-31: pushes its key to the vault"
    assert entry.speaks_of("chain.credential-read-then-egress")
    assert not entry.speaks_of("chain.silent-side-effect")


@pytest.mark.parametrize("key", ["id", "rule", "owner", "reason", "expires", "scope"])
def test_an_entry_that_lacks_anything_is_refused(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in ENTRY.splitlines() if not line.startswith(f"{key} "))
    with pytest.raises(HygieneError, match=f"D13.*{key} is missing") as refused:
        read_file(written(tmp_path, text))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"mcp.server.id" = "files"', '"mcp.server.idd" = "files"', "no event has a field"),
        ('"mcp.server.id" = "files"', '"mcp.server.id" = "*"', "must be text that says something"),
        ('"mcp.server.id" = "files"', "", "scope names no field"),
        ("2027-03-31", '"soon"', "expires must be a date"),
        ('"chain.credential-read-then-egress"', '"*"', "rule must name rules"),
        ('owner = "payments"', 'owner = " "', "owner must say something"),
        ('"chain.credential-read-then-egress"', '"chain.*-egress"', "rule must name rules"),
        ("[[exception]]", "[[exceptions]]", "unknown key 'exceptions'"),
        ('owner = "payments"', 'owner = "payments"\nteam = "x"', "unknown key 'team'"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(HygieneError, match=said):
        read_file(written(tmp_path, ENTRY.replace(before, after)))


def test_two_entries_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HygieneError, match="the id 'vault'"):
        Exemptions.load([written(tmp_path, ENTRY + ENTRY)])


@pytest.mark.parametrize("text", ["exception = 3", "exception = [1]", "[exception]\nid = 'x'"])
def test_what_is_no_list_of_entries_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(HygieneError, match="no list of tables"):
        read_file(written(tmp_path, text))
