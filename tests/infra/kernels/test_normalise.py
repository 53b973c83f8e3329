"""What two runs of one workload have in common: everything but times, process ids and inodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from triptych.infra.kernels.normalise import Head, alike, normalised
from triptych.producers.sensor.front_end import BPF_SOURCES
from triptych.producers.sensor.layouts import FILE_KEY, FILE_SUM, FLAGS, FLOW, FLOW_KEY, HEAD, KINDS

NUMBERS = {name: number for number, name in KINDS.items()}
HOME = Path("/tmp/run")


def _record(kind: str, payload: bytes = b"", **facts: Any) -> bytes:
    plain = dict.fromkeys(Head._fields, 0) | {"comm": b"python", "kind": NUMBERS[kind]} | facts
    return HEAD.pack(*Head(**plain | {"size": HEAD.size + len(payload)})) + payload


def _run(first: int, *, child: int) -> list[bytes]:
    """A process opens a file and forks, on any machine at any time."""
    return [
        _record("open", b"file\0run\0tmp\0", mono_ns=first, tgid=first, tid=first, root=first, inode=first * 7),
        _record("fork", tgid=first, tid=first, root=first, result=child),
        _record("exit", tgid=child, tid=child, ppid=first, root=first),
    ]


def test_the_head_has_the_members_of_the_kernels_structure_in_its_order() -> None:
    text = re.sub(r"/\*.*?\*/", "", (BPF_SOURCES / "events.h").read_text(), flags=re.DOTALL)
    members = re.search(r"struct event \{(.*?)\};", text, re.DOTALL)
    assert members
    assert tuple(re.findall(r"\w+ (\w+)(?:\[\d+\])?;", members[1])) == Head._fields


def test_runs_that_did_the_same_are_alike() -> None:
    assert alike(_run(100, child=101)) == alike(_run(7000, child=12))


@pytest.mark.parametrize("other", [{"uid": 1}, {"flags": 1}, {"comm": b"sh"}, {"result": 5}, {"epoch": 2}])
def test_every_other_difference_shows(other: dict[str, Any]) -> None:
    assert alike([_record("open")]) != alike([_record("open", **other)])


def test_another_child_than_the_one_that_was_forked_shows() -> None:
    assert alike(_run(100, child=101)) != alike([*_run(100, child=101)[:2], _record("exit", tgid=100, tid=100)])


def test_a_sum_finds_its_path_by_the_inode_and_the_runs_folder_is_left_out() -> None:
    opened = _record("open", b"file\0run\0tmp\0", inode=9, device=1 << 20, flags=FLAGS["resolved"], links=1)
    totals = (FILE_KEY.pack(1, 1, 1, 0, 0, 9, 1 << 20, 0), FILE_SUM.pack(13, 0, 0, 0, 0, 0, 0, b""))
    lines = normalised([opened], [], [totals], HOME)
    assert [line.split()[:2] for line in lines] == [["open", "path=~/file"], ["sum", "path=~/file"]]
    assert lines[1].endswith("in=13")


def test_a_flow_is_told_by_its_peer_and_its_bytes() -> None:
    key = FLOW_KEY.pack(1, 1, 1, 0, 0, 2, 6, 40000, 443, bytes([127, 0, 0, 1]).ljust(16, b"\0"))
    (line,) = normalised([], [(key, FLOW.pack(5, 0, 0, 0, 0, 0, b""))], [], HOME)
    assert line.startswith("flow peer=tcp 127.0.0.1 443 ")
    assert line.endswith("out=5")
