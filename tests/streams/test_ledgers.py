"""What a process remembers of the store's ledger: bounded by fields, and read anew once it was forgotten."""

from __future__ import annotations

import pytest

from triptych.streams import ledgers
from triptych.streams.ledgers import Ledgers


class Asked:
    """A pipeline that notes from which change on each hash was asked for."""

    def __init__(self) -> None:
        self.since: dict[str, int] = {}

    def eval(self, _script: str, number: int, *told: str | int) -> None:
        self.since = dict(zip(told[:number], told[number:], strict=True))  # type: ignore[arg-type]


def read(known: Ledgers, name: str, number: int, **fields: bytes) -> dict[str, bytes]:
    changes = [part for field, value in fields.items() for part in (field.encode(), value)]
    since = asked(known, name)
    return dict(known.answer([name], iter([[[number, since, *changes]]]))[name])


def asked(known: Ledgers, name: str) -> int:
    pipe = Asked()
    known.ask(pipe, "p", [name])  # type: ignore[arg-type]
    return pipe.since[f"p:{name}"]


def test_what_was_read_is_asked_for_from_there_on() -> None:
    known = Ledgers()
    assert read(known, "a", 1, x=b"1") == {"x": b"1"}
    assert asked(known, "a") == 1
    assert read(known, "a", 2, y=b"2") == {"x": b"1", "y": b"2"}


def test_fields_beyond_the_bound_go_with_the_hash_that_was_read_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "_MOST", 10)
    known = Ledgers()
    for name in ("a", "b"):
        read(known, name, 4, **{f"f{n}": b"" for n in range(4)})
    assert [asked(known, name) for name in ("a", "b")] == [4, 4]
    read(known, "c", 1, x=b"")
    assert [asked(known, name) for name in ("a", "b", "c")] == [0, 4, 1]
    assert len(read(known, "a", 4, **{f"f{n}": b"" for n in range(4)})) == 4


def test_what_is_forgotten_between_question_and_answer_is_read_whole_the_next_time() -> None:
    known = Ledgers()
    read(known, "a", 5, x=b"1")
    late = Ledgers()
    assert late.answer(["a"], iter([[[6, 5, b"y", b"2"]]])) == {"a": {"y": b"2"}}
    assert asked(late, "a") == 0


def test_an_answer_forgets_nothing_that_it_still_adds_to(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Ledgers()
    read(known, "x", 5, old=b"1")
    monkeypatch.setattr(ledgers, "_MOST", 3)
    answered = known.answer(["a", "x"], iter([[[3, 0, b"f", b"", b"g", b"", b"h", b""], [6, 5, b"new", b"2"]]]))
    assert answered["x"] == {"old": b"1", "new": b"2"}


def test_one_hash_that_is_larger_than_the_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "_MOST", 3)
    known = Ledgers()
    read(known, "a", 9, **{f"f{n}": b"" for n in range(9)})
    assert asked(known, "a") == 9
