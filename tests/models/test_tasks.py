from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import ArgumentFact, Origin
from triptych.models.tasks import Tasks, share_of_new
from triptych.models.testing import call, turn
from triptych.models.turn import Turn


def _mail(to: str, *, size: int = 9, origin: Origin = "prompt", server: str = "files") -> Turn:
    fact = ArgumentFact(pointer="/to", digests=(to,), origin=origin, size=size)
    return turn(call("search", server=server), call("send_mail", at_s=1, server=server, arguments=(fact,)))


def test_the_same_tools_with_the_same_wish_are_one_kind() -> None:
    tasks = Tasks()
    assert tasks.join(_mail("ann")) == tasks.join(_mail("ann")) == 0


def test_another_wish_with_other_tools_is_another_kind() -> None:
    tasks = Tasks()
    kinds = [tasks.join(one) for one in (_mail("ann"), turn(call("delete_file")), _mail("ann"))]
    assert kinds == [0, 1, 0]


def test_looking_for_a_kind_adds_none() -> None:
    tasks = Tasks()
    assert tasks.find(_mail("ann")) is None
    assert (tasks.count, tasks.join(_mail("ann")), tasks.find(_mail("ann"))) == (0, 0, 0)


def test_turns_of_different_servers_are_never_alike() -> None:
    tasks = Tasks()
    assert tasks.join(_mail("ann")) != tasks.join(_mail("ann", server="other"))


def test_what_a_result_says_does_not_tell_tasks_apart_where_the_prompt_does() -> None:
    def with_text(digest: str) -> Turn:
        mail = _mail("ann").calls[1]
        texts = tuple(
            ArgumentFact(pointer=f"/text/{n}", digests=(f"{digest}{n}",), origin="result", size=9) for n in range(8)
        )
        return turn(call("search"), call("send_mail", at_s=1, arguments=(*mail.arguments, *texts)))

    tasks = Tasks()
    assert tasks.join(with_text("a")) == tasks.join(with_text("b"))


def test_long_values_are_content_and_no_task() -> None:
    tasks = Tasks()
    assert tasks.join(_mail("a", size=400)) == tasks.join(_mail("b", size=400))


@pytest.mark.parametrize(("kinds", "share"), [([], 0), ([0], 1), ([0, 0, 1, 1], 0), ([0, 0, 1, 2], 0.5)])
def test_new_kinds_are_as_likely_as_those_seen_once(kinds: list[int], share: float) -> None:
    assert share_of_new(kinds) == share


@given(st.lists(st.integers(0, 5)))
def test_a_share_lies_from_0_to_1(kinds: list[int]) -> None:
    assert 0 <= share_of_new(kinds) <= 1
