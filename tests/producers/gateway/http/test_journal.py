"""Events on their way to the spool: what is forwarded is on disk first, what can wait is written together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triptych.producers.gateway.facts.producer import Producer
from triptych.producers.gateway.http.journal import Journal
from triptych.producers.gateway.spool.record import Entry, head
from triptych.producers.gateway.spool.writer import PENDING, Spool, split

HEAD = head(1, {"host": "a"})


class Turn:
    """A journal over a real spool, whose loop turns when the test says so."""

    def __init__(self, folder: Path, **room: int) -> None:
        self._folder = folder
        self._soon: list[Callable[[], object]] = []
        self.journal = Journal(Spool(folder, "a", **({"limit": 1 << 20} | room)), Producer("a"), self._soon.append)

    def end(self) -> None:
        waiting = [*self._soon]
        self._soon.clear()
        for step in waiting:
            step()

    def announced(self) -> list[bytes]:
        return self._records("*" + PENDING)

    def kept(self) -> list[bytes]:
        return self._records("gateway-a-[0-9]*")

    def _records(self, pattern: str) -> list[bytes]:
        records = [one for path in sorted(self._folder.glob(pattern)) for one in split(path.read_bytes())[0]]
        return [record for record in records if record != HEAD.record]


def entry(text: bytes) -> Entry:
    return HEAD, text


def test_what_is_announced_is_on_disk_at_once_and_described_at_the_end_of_the_turn(tmp_path: Path) -> None:
    turn = Turn(tmp_path)
    turn.journal.announce([entry(b"passed")], lambda: turn.journal.add([entry(b"described")]))
    assert (turn.announced(), turn.kept()) == ([b"passed"], [])
    turn.end()
    assert (turn.announced(), turn.kept()) == ([], [b"described"])


def test_without_room_for_an_announcement_all_is_described_before_it_passes(tmp_path: Path) -> None:
    turn = Turn(tmp_path)
    turn.journal.announce([entry(b"small")], lambda: turn.journal.add([entry(b"first")]))
    turn.journal.announce([entry(b"large" * 20_000)], lambda: turn.journal.add([entry(b"second")]))
    assert (turn.announced(), turn.kept()) == ([], [b"first", b"second"])
    turn.end()
    assert turn.kept() == [b"first", b"second"]


def test_what_a_turn_left_over_keeps_its_order(tmp_path: Path) -> None:
    turn = Turn(tmp_path)
    turn.journal.announce([entry(b"asked")], lambda: turn.journal.add([entry(b"request")]))
    turn.journal.later(lambda: turn.journal.add([entry(b"reply")]))
    turn.journal.later(lambda: turn.journal.keep([entry(b"incident")]))
    turn.end()
    assert turn.kept() == [b"request", b"reply", b"incident"]


def test_what_finds_no_room_on_disk_is_counted(tmp_path: Path) -> None:
    turn = Turn(tmp_path, limit=1, segment_bytes=1)
    turn.journal.keep([entry(b"kept")])
    turn.journal.announce([entry(b"passed")], lambda: turn.journal.add([entry(b"described")]))
    turn.end()
    assert turn.kept() == [b"kept"]
    assert turn.journal.failures == {"spool-full": 1}
