from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.incidents.grouping import belong_together, first, group
from triptych.models.incidents.member import Windows

HOUR = 3_600
WINDOWS = Windows()


def names(groups: Any) -> list[list[str]]:
    return [[one.uid.removeprefix("trp-") for one in found] for found in groups]


def test_findings_of_one_trace_belong_together_however_late_they_come(member: Any) -> None:
    found = group([member("a", correlation_id="t"), member("b", 90 * HOUR, correlation_id="t")], WINDOWS)
    assert names(found) == [["a", "b"]]


@pytest.mark.parametrize(
    ("shared", "together_s", "apart_s"),
    [
        ({"conversation": "c"}, 24 * HOUR, 24 * HOUR + 1),
        ({"workload": "w"}, HOUR, HOUR + 1),
        ({"principal_kind": "token", "principal": "p"}, HOUR, HOUR + 1),
    ],
)
def test_what_else_is_shared_ties_within_its_window_only(
    member: Any, shared: dict[str, str], together_s: int, apart_s: int
) -> None:
    one = member("a", **shared)
    assert belong_together(one, member("b", together_s, **shared), WINDOWS)
    assert not belong_together(one, member("b", apart_s, **shared), WINDOWS)


def test_a_chain_of_links_is_one_incident_over_servers_and_clusters(member: Any) -> None:
    found = group(
        [
            member("a", 0, workload="w1", cluster="east", correlation_id="t1"),
            member("b", 60, workload="w2", cluster="west", correlation_id="t1"),
            member("c", 120, workload="w2", cluster="west", correlation_id="t2"),
            member("z", 60, workload="w9"),
        ],
        WINDOWS,
    )
    assert names(found) == [["a", "b", "c"], ["z"]]


def test_the_same_user_number_on_two_hosts_is_two_users(member: Any) -> None:
    who = {"principal_kind": "os_user", "principal": "uid:1000"}
    assert not belong_together(member("a", host="h1", **who), member("b", 1, host="h2", **who), WINDOWS)
    assert belong_together(member("a", host="h1", **who), member("b", 1, host="h1", **who), WINDOWS)


def test_nobody_is_no_principal(member: Any) -> None:
    assert not belong_together(member("a"), member("b", 1), WINDOWS)


def test_a_window_of_zero_ties_only_what_began_at_once(member: Any) -> None:
    off = Windows(workload_ns=0)
    assert not belong_together(member("a", workload="w"), member("b", 1, workload="w"), off)
    with pytest.raises(ConfigError):
        Windows(workload_ns=-1)


@given(st.data())
def test_neither_order_nor_repetition_changes_the_groups_and_older_revisions_count_for_nothing(
    member: Any, data: Any
) -> None:
    few = st.sampled_from(["", "x", "y"])
    found = [
        member(
            str(number),
            data.draw(st.integers(0, 3 * HOUR)),
            workload=data.draw(few),
            correlation_id=data.draw(few),
            conversation=data.draw(few),
            sequence=2,
        )
        for number in range(data.draw(st.integers(1, 7)))
    ]
    older = [member(one.uid.removeprefix("trp-"), workload="x", sequence=1) for one in found]
    shuffled = data.draw(st.permutations([*found, *older, *found]))
    groups = group(found, WINDOWS)
    assert group(shuffled, WINDOWS) == groups
    for ours in groups:
        assert first(ours) is ours[0]
        for theirs in groups:
            tied = any(belong_together(one, other, WINDOWS) for one in ours for other in theirs if one is not other)
            assert tied == (ours is theirs and len(ours) > 1)
