"""Two workers under one static name are found by how often the group gives them a new id; a slow one is not."""

from __future__ import annotations

import pytest

from triptych.streams.membership import GroupError, Membership, NameTakenError

SESSION_S = 10.0


def observed(name: str | None, *joins: tuple[float, str]) -> Membership:
    member = Membership(name, SESSION_S)
    for at, given in joins:
        member.observe(given, None, at)
    return member


def taken(name: str | None, *joins: tuple[float, str]) -> bool:
    """Whether the name is told to be somebody else's too."""
    try:
        observed(name, *joins)
    except NameTakenError:
        return True
    return False


@pytest.mark.parametrize("every_s", [0.5, 2, 9])
def test_ids_that_last_shorter_than_a_session_name_the_setting(every_s: float) -> None:
    member = observed("one", (0, "a"), (every_s - 0.1, ""), (every_s, "b"), (2 * every_s, "c"))
    with pytest.raises(NameTakenError, match="'one'") as raised:
        member.observe("d", None, 3 * every_s)
    assert (raised.value.code, "worker.instance" in raised.value.hint) == ("J09", True)


@pytest.mark.parametrize(
    "joins",
    [
        [(0, "a"), (5, "a"), (500, "a")],
        [(0, "a"), (10, "b"), (20, "c"), (30, "d"), (40, "e")],
        [(0, "a"), (2, "b"), (4, "c"), (14, "d"), (16, "e"), (18, "f")],
    ],
    ids=["it stays", "its session expires again and again", "a broker goes twice"],
)
def test_a_member_that_stays_or_is_slow_is_left_alone(joins: list[tuple[float, str]]) -> None:
    assert not taken("one", *joins)


def test_without_a_static_name_an_id_may_change_as_it_likes() -> None:
    joins = [(at / 10, str(at)) for at in range(20)]
    assert (taken(None, *joins), taken("one", *joins)) == (False, True)


@pytest.mark.parametrize(("name", "told"), [("one", True), (None, False)])
def test_what_the_group_refused_is_told_at_once(name: str | None, told: bool) -> None:
    with pytest.raises(GroupError, match="fenced") as raised:
        Membership(name, SESSION_S).observe("", RuntimeError("fenced"), 0)
    assert ("worker.instance 'one'" in raised.value.hint) is told
