"""A gateway that died before it described what it had forwarded: every such message is told, and told once."""

from __future__ import annotations

import os
from pathlib import Path

from triptych.producers.gateway.spool.events import Events
from triptych.producers.gateway.spool.record import HEAD, Entry, dump, head
from triptych.producers.gateway.spool.recovery import is_pending, recover
from triptych.producers.gateway.spool.segments import segments
from triptych.producers.gateway.spool.writer import PENDING, Spool, split

FIRST = head(1, {"producer": "gateway:a", "host": "a"})


def entry(sequence: int, **fields: object) -> Entry:
    return FIRST, dump({"head": 1, "sequence": sequence, "wall_ns": 5, **fields})


def killed(spool: Spool) -> None:
    """What a kill leaves: open files vanish with their locks, and nothing is cleared."""
    os.close(spool._fd)
    spool._fd = -1
    if spool._pending is not None:
        spool._pending._memory.close()
        os.close(spool._pending._fd)


def told(folder: Path) -> list[tuple[int, tuple[str, ...]]]:
    found = []
    for path in segments(folder):
        events = Events()
        for record in split(path.read_bytes())[0]:
            if record.startswith(HEAD):
                events.learn(record)
            else:
                event = events.read(record)
                found.append((event.sequence, event.anomalies))
    return found


def test_what_was_announced_and_not_described_says_so_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.append([entry(1)])
    spool.announce([entry(2, anomalies=["batch"]), entry(3)])
    killed(spool)
    recover(tmp_path)
    recover(tmp_path)
    assert told(tmp_path) == [(1, ()), (2, ("batch", "undescribed")), (3, ("undescribed",))]
    assert list(tmp_path.glob("*" + PENDING)) == []


def test_what_was_described_before_the_death_is_not_told_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.announce([entry(1), entry(2)])
    spool.append([entry(1), entry(2)])
    killed(spool)
    recover(tmp_path)
    assert told(tmp_path) == [(1, ()), (2, ())]


def test_a_recovery_that_died_half_way_is_gone_through_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.announce([entry(1)])
    killed(spool)
    (pending,) = tmp_path.glob("*" + PENDING)
    left = pending.read_bytes()
    recover(tmp_path)
    pending.write_bytes(left)  # as if it had died before it took the file away
    assert all(is_pending(path) for path in segments(tmp_path))
    recover(tmp_path)
    assert told(tmp_path) == [(1, ("undescribed",))]


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.announce([entry(1)])
    recover(tmp_path)
    assert told(tmp_path) == []
    assert list(tmp_path.glob("*" + PENDING))


def test_a_record_that_nobody_can_read_is_left_for_the_dead_letters(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "a", limit=1 << 20)
    spool.announce([(FIRST, b"\xff"), entry(2)])
    killed(spool)
    recover(tmp_path)
    (path,) = tmp_path.glob("*-recovered.spool")
    assert split(path.read_bytes())[0][1] == b"\xff"
