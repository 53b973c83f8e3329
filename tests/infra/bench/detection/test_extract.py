from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from triptych.infra.bench.detection.extract import Run, load
from triptych.infra.bench.errors import BenchError

CALL = {
    "t": "send_money",
    "i": 2,
    "n": 108,
    "a": [["recipient", 23, "ef19", "uo"], ["amount", 4, "c23f", "o"], ["url", 9, "d88f", ""]],
    "r": 68,
    "e": 0,
    "x": 0,
}
BENIGN = {
    "model": "gpt-4o", "suite": "banking", "user_task": "user_task_3", "injection_task": None, "attack": None,
    "security": None, "error": 0, "exposed_at": None, "calls": [CALL],
}  # fmt: skip
ATTACK = BENIGN | {"attack": "direct", "injection_task": "injection_task_1", "security": True, "exposed_at": 0}


def written(tmp_path: Path, *runs: dict[str, Any], packed: bool = False) -> Path:
    data = "\n".join(map(json.dumps, runs)).encode()
    file = tmp_path / "runs.jsonl"
    file.write_bytes(gzip.compress(data) if packed else data)
    return file


@pytest.mark.parametrize("packed", [False, True])
def test_runs_are_harmless_or_attacks(tmp_path: Path, packed: bool) -> None:
    extract = load(written(tmp_path, BENIGN, ATTACK, ATTACK, packed=packed))
    assert (len(extract.benign), len(extract.attacks)) == (1, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"security": False},
        {"exposed_at": None},
        {"attack": "dos"},
        {"suite": "travel", "injection_task": "injection_task_6"},
        {"error": 1},
        {"calls": []},
    ],
)
def test_an_attack_that_no_call_can_show_is_left_out(tmp_path: Path, change: dict[str, Any]) -> None:
    assert load(written(tmp_path, ATTACK | change)).attacks == []


def test_a_goal_of_the_attacker_as_the_users_own_wish_is_no_harmless_run(tmp_path: Path) -> None:
    assert load(written(tmp_path, BENIGN | {"user_task": "injection_task_1"})).benign == []


@pytest.mark.parametrize(
    ("sight", "origins"),
    [
        ("prompt", ["prompt", "result", "none"]),
        ("result", ["result", "result", "none"]),
        ("calls", ["unknown", "unknown", "unknown"]),
    ],
)
def test_a_gateway_tells_origins_as_far_as_it_sees(tmp_path: Path, sight: Any, origins: list[str]) -> None:
    turn = load(written(tmp_path, BENIGN)).benign[0].turn(sight)
    assert [fact.origin for fact in turn.calls[0].arguments] == origins


def test_a_run_is_one_turn_of_one_session_on_its_suite(tmp_path: Path) -> None:
    run: Run = load(written(tmp_path, BENIGN)).benign[0]
    call = run.turn("prompt").calls[0]
    assert (call.server.id, call.tool, call.request_size) == ("banking", "send_money", 108)
    assert [fact.kind for fact in call.arguments] == ["text", "text", "url"]
    assert (call.coverage.protocol, call.coverage.execution) == (True, False)


@pytest.mark.parametrize("content", [b"\x1f\x8bno gzip", b"{", b"[1]", b'{"calls": [1], "error": 0}'])
def test_a_file_of_another_format_is_refused_with_a_code(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(BenchError) as error:
        load(file)
    assert error.value.code == "B03"


def test_a_file_that_is_not_there_is_refused_with_a_code(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="FileNotFoundError"):
        load(tmp_path / "none")
