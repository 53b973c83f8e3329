"""Which processes are put into the kernel's book when a server is leased."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import cast

import pytest

from triptych.producers.sensor import processes
from triptych.producers.sensor.binding import State
from triptych.producers.sensor.decode import MEMBER
from triptych.producers.sensor.loader import Kernel
from triptych.producers.sensor.watch import Watch

ROOT = 100


class Table:
    """A map of the kernel."""

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> None:
        self.entries[key] = value

    def add(self, key: bytes, value: bytes) -> bool:
        return key not in self.entries and not self.put(key, value)

    def get(self, key: bytes) -> bytes | None:
        return self.entries.get(key)

    def remove(self, key: bytes) -> None:
        self.entries.pop(key, None)


@pytest.fixture
def watched() -> Table:
    return Table()


@pytest.fixture
def watch(watched: Table) -> Watch:
    kernel = SimpleNamespace(ring_descriptor=0, features=(), missing={}, front_end="", links={}, watched=watched)
    kernel.losses, kernel.roots, kernel.flows = Table(), Table(), Table()
    kernel.map = lambda *_: Table()
    return Watch(cast("Kernel", kernel))


def _members(watched: Table) -> dict[int, int]:
    return {int.from_bytes(key, "little"): MEMBER.unpack(value)[0] for key, value in watched.entries.items()}


def test_what_forks_while_we_look_is_watched_too(watch: Watch, watched: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{101: ROOT}, {101: ROOT, 102: 101}, {101: ROOT, 102: 101}])
    monkeypatch.setattr(processes, "parents", lambda: next(looks))
    monkeypatch.setattr(processes, "start_ns", lambda _: 1)
    watch.add(ROOT, "server", State(1, 0))
    assert _members(watched) == {ROOT: ROOT, 101: ROOT, 102: ROOT}
    assert watch.lost(ROOT) == 0


def test_processes_that_fork_and_end_faster_than_we_look_do_not_hold_up_the_sensor_but_are_told(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = itertools.count(ROOT + 1)
    monkeypatch.setattr(processes, "parents", lambda: {next(numbers): ROOT})
    monkeypatch.setattr(processes, "start_ns", lambda _: 1)
    watch.add(ROOT, "server", State(1, 0))
    assert (watch.lost(ROOT), watch.lost(ROOT)) == (1, 0)


def test_a_process_that_ended_while_we_looked_leaves_no_entry_for_who_gets_its_number(
    watch: Watch, watched: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([{101: ROOT}, {}])
    monkeypatch.setattr(processes, "parents", lambda: next(looks))
    monkeypatch.setattr(processes, "start_ns", lambda pid: 1 if pid == ROOT else None)
    watch.add(ROOT, "server", State(1, 0))
    assert _members(watched) == {ROOT: ROOT}
