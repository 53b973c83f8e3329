from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.hygiene import Again, Flood, Hygiene, Limits, News
from triptych.models.hygiene.ledger import Claim, Ledger
from triptych.models.testing import START_NS

S = 1_000_000_000
MINUTE = 60 * S
HOUR = 60 * MINUTE


def news(uid: str, at_s: float = 0.0, *, severity: int = 3, layers: int = 3, keys: tuple[str, ...] = ("k",)) -> News:
    return News(
        uid=uid, keys=keys, server="files", entity="w", rule="r", severity=severity, layers=layers,
        at_ns=START_NS + round(at_s * S),
    )  # fmt: skip


def told(hygiene: Hygiene, one: News) -> str:
    """What is told of it: create, update or nothing."""
    verdict = hygiene.place(one)
    if verdict is None:
        hygiene.told(one, 1)
        return "create"
    return "update" if verdict.tell else ""


def test_ten_thousand_identical_hits_are_one_create_and_bounded_updates() -> None:
    hygiene = Hygiene()
    counts = Counter(told(hygiene, news(f"u{number}", number * 0.35)) for number in range(10_000))
    assert counts == {"create": 1, "update": 11, "": 9_988}
    assert hygiene.tally() == {"repeated": 9_999}


@pytest.mark.parametrize("worse", [{"severity": 4}, {"layers": 7}])
def test_an_update_does_not_wait_where_it_got_worse(worse: dict[str, int]) -> None:
    hygiene = Hygiene()
    told(hygiene, news("first"))
    assert told(hygiene, news("second", 1)) == ""
    assert told(hygiene, news("third", 2, **worse)) == "update"
    assert told(hygiene, news("fourth", 3, **worse)) == ""


def test_one_new_key_makes_it_news() -> None:
    hygiene = Hygiene()
    told(hygiene, news("first", keys=("a",)))
    assert told(hygiene, news("second", keys=("a", "b"))) == "create"
    assert told(hygiene, news("third", keys=("b",))) == ""


@given(st.permutations(range(12)))
def test_no_order_of_arrival_makes_a_second_finding(order: list[int]) -> None:
    hygiene = Hygiene()
    assert Counter(told(hygiene, news(f"u{number}", number * 30)) for number in order)["create"] == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4000)), max_size=40))
def test_what_is_read_back_decides_as_what_is_remembered(turns: list[tuple[int, int]]) -> None:
    remembers, forgets = Hygiene(Limits(per_entity=3)), Hygiene(Limits(per_entity=3))
    hashes: dict[str, dict[str, bytes]] = {}
    for number, (key, at_s) in enumerate(turns):
        one = news(f"u{number}", at_s, keys=(f"k{key}",))
        again = Hygiene(Limits(per_entity=3))
        again.ledger.learn(hashes)
        assert told(again, one) == told(remembers, one)
        for note in again.drain():
            hashes.setdefault(note.name, {})[note.field] = note.value
    assert forgets.drain() == ()


def test_the_sequence_of_a_finding_only_rises() -> None:
    hygiene = Hygiene()
    told(hygiene, news("first"))
    verdicts = [hygiene.place(news(f"u{number}", number * 100)) for number in range(1, 36)]
    sequences = [one.told.sequence for one in verdicts if isinstance(one, Again) and one.tell]
    assert all(after == before + 1 for before, after in pairwise(sequences))
    assert hygiene.sequence("first") == sequences[-1]


def test_what_is_told_again_after_a_crash_takes_no_number_back() -> None:
    hygiene = Hygiene()
    first = news("first")
    told(hygiene, first)
    hygiene.place(news("second", 1, severity=4, layers=7))
    assert hygiene.sequence("first") == 2
    told(hygiene, first)
    assert hygiene.sequence("first") == 2
    assert told(hygiene, news("third", 2, severity=4, layers=7)) == "", "as bad as what was told already"
    verdict = hygiene.place(news("fourth", 400))
    assert isinstance(verdict, Again) and verdict.told.sequence == 3


def test_a_rule_may_say_for_how_long_its_findings_are_one() -> None:
    hygiene = Hygiene()
    told_at = [
        told(hygiene, replace(news(f"u{hour}", hour * 3_600 + 60), lasting={"k": 4 * HOUR})) for hour in range(6)
    ]
    assert told_at == ["create", "update", "update", "update", "create", "update"]


def test_a_rule_has_a_limit_of_its_own() -> None:
    hygiene = Hygiene(Limits(per_rule=3, per_entity=100))
    verdicts = [hygiene.place(news(f"u{number}", keys=(f"k{number}",))) for number in range(5)]
    assert [isinstance(verdict, Flood) for verdict in verdicts] == [False, False, False, True, True]


def test_the_next_hour_begins_anew() -> None:
    hygiene = Hygiene(Limits(per_entity=1))
    assert hygiene.place(news("a", keys=("a",))) is None
    assert isinstance(hygiene.place(news("b", 1, keys=("b",))), Flood)
    assert hygiene.place(news("c", 3_600, keys=("c",))) is None


def test_limits_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ConfigError, match="window of 1 ns"):
        Limits(window_ns=1)
    with pytest.raises(ConfigError, match="0 findings a rule"):
        Limits(per_rule=0)


def test_what_is_asked_of_the_store_does_not_grow_with_the_age_of_a_server() -> None:
    ledger = Ledger(Limits())
    for day in range(30):
        ledger.keep_claim("files", f"{day:x}", Claim(f"trp-{day}", day * 24 * HOUR, HOUR))
    written = {note.name for note in ledger.drain()}
    assert len(written) == 30
    assert len(written & set(ledger.names(["files"], [29 * 24 * HOUR + HOUR // 2]))) == 2
