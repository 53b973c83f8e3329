"""The life of a server's processes, without any: who is started, replaced, given up, and what the end of one means."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from triptych.producers.gateway.stdio.child import StartError
from triptych.producers.gateway.stdio.pool import Pool
from triptych.producers.gateway.stdio.router import Router

SECOND = 1_000_000_000


class Process:
    """As much of a member as a pool uses. It exits with `status`."""

    def __init__(self, number: int, status: int = 0, *, spoke: bool = True) -> None:
        self.number, self.status, self.spoke = number, status, spoke
        self.told: list[Any] = []

    def reap(self) -> int:
        return self.status

    def no_more(self) -> None:
        self.told.append("no more")

    def signal(self, number: int) -> None:
        self.told.append(number)


class Pooled:
    """A pool whose clock stands still until it is set, and what it started and lost."""

    def __init__(self, members: int = 3, mode: Any = "replica") -> None:
        self.now, self.broken = 0, False
        self.started: list[int] = []
        self.lost: list[tuple[int, list[str], int]] = []
        self.router = Router(mode, members, 1 << 16)
        self.pool = Pool(self._start, self.router, lambda *told: self.lost.append(told), lambda: self.now)  # type: ignore[arg-type,return-value]

    def _start(self, number: int) -> Process:
        if self.broken:
            raise StartError("server", 2)
        self.started.append(number)
        return Process(number)

    def ends(self, number: int, status: int = 0, *, spoke: bool = True) -> None:
        """The process under this number exits."""
        process: Any = self.pool.member(number)
        process.status, process.spoke = status, spoke
        self.pool.ended(process)

    def call(self, identifier: int) -> list[int]:
        params = {"name": "t", "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
        asked = {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}
        return [number for number, _ in self.router.line(json.dumps(asked).encode() + b"\n")]


@pytest.fixture
def pooled() -> Pooled:
    return Pooled()


def test_the_first_process_is_there_at_once_and_another_when_it_is_needed(pooled: Pooled) -> None:
    assert pooled.started == [0]
    pooled.pool.member(1)
    pooled.pool.member(1)
    assert pooled.started == [0, 1]


def test_what_a_dead_process_left_open_is_told(pooled: Pooled) -> None:
    pooled.call(1)
    pooled.ends(0, 7)
    assert pooled.lost == [(0, ["1"], 7)]
    assert not pooled.pool.done


def test_a_dead_process_gets_the_next_call_after_a_pause(pooled: Pooled) -> None:
    pooled.ends(0)
    assert pooled.call(1) == [1]
    pooled.pool.tick()
    assert pooled.call(2) == [2]
    assert pooled.call(3) == []
    pooled.now = SECOND
    assert [number for number, _ in pooled.pool.tick()] == [0]


def test_a_pause_ends_the_wait_of_the_loop(pooled: Pooled) -> None:
    assert pooled.pool.wait_ms is None
    pooled.ends(0)
    assert pooled.pool.wait_ms == 251
    pooled.now = SECOND
    pooled.pool.tick()
    assert pooled.pool.wait_ms is None


def test_a_first_process_that_never_spoke_is_the_end(pooled: Pooled) -> None:
    other: Any = pooled.pool.member(1)
    pooled.ends(0, 9, spoke=False)
    assert other.told == ["no more", signal.SIGTERM]
    pooled.pool.ended(other)
    assert (pooled.pool.done, pooled.pool.status) == (True, 9)


def test_who_does_not_end_with_the_others_is_killed(pooled: Pooled) -> None:
    other: Any = pooled.pool.member(1)
    pooled.ends(0, 9, spoke=False)
    pooled.now = 2 * SECOND
    pooled.pool.tick()
    assert other.told[-1] == signal.SIGKILL


def test_a_replica_that_never_speaks_is_given_up(pooled: Pooled, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        pooled.ends(1, 5, spoke=False)
        pooled.now += 60 * SECOND
        pooled.pool.tick()
    assert "G21 replica 1 ended with status 5" in capsys.readouterr().err
    assert [pooled.call(number) for number in range(3)] == [[0], [2], []]


def test_pauses_grow(pooled: Pooled) -> None:
    waits = []
    for _ in range(2):
        pooled.ends(1, 5, spoke=False)
        waits.append(pooled.pool.wait_ms)
        pooled.now += 60 * SECOND
        pooled.pool.tick()
    assert waits == [251, 501]


def test_a_program_that_is_gone_costs_the_call_and_not_the_gateway(
    pooled: Pooled, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [pooled.call(1), pooled.call(2)] == [[0], [1]]
    pooled.broken = True
    assert pooled.pool.member(1) is None
    assert pooled.lost == [(1, ["2"], 127)]
    assert "G02" in capsys.readouterr().err


def test_without_replicas_the_end_of_the_process_is_the_end() -> None:
    pooled = Pooled(1, "serialised")
    pooled.ends(0, 3)
    assert (pooled.pool.done, pooled.pool.status, pooled.lost) == (True, 3, [])


def test_when_the_client_ends_the_status_is_the_first_that_is_no_success(pooled: Pooled) -> None:
    processes: list[Any] = [pooled.pool.member(number) for number in range(3)]
    pooled.pool.close()
    assert [process.told for process in processes] == [["no more"]] * 3
    for process, status in zip(reversed(processes), (4, 5, 0), strict=True):
        process.status = status
        pooled.pool.ended(process)
    assert (pooled.pool.done, pooled.pool.status) == (True, 5)
    assert pooled.pool.member(0) is None


def test_who_ends_after_a_signal_is_not_replaced(pooled: Pooled) -> None:
    other: Any = pooled.pool.member(1)
    pooled.pool.signal(signal.SIGTERM)
    pooled.ends(0, 143)
    assert other.told == [signal.SIGTERM, "no more"]
    other.status = 0
    pooled.pool.ended(other)
    assert (pooled.pool.done, pooled.pool.status, pooled.lost) == (True, 143, [])


def test_a_process_that_was_lost_long_ago_is_no_part_of_the_end(pooled: Pooled) -> None:
    pooled.ends(0, 7)
    first: Any = pooled.pool.member(1)
    pooled.pool.close()
    pooled.pool.ended(first)
    assert pooled.pool.status == 0
