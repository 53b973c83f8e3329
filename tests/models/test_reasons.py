from __future__ import annotations

from collections.abc import Mapping

import pytest

from triptych.models.baseline import BaselineView, Support, edge_keys, size_keys, tool_key
from triptych.models.reasons import facts
from triptych.models.testing import call, send, turn

CHAIN = ("search", "fetch_page", "lookup")


def order(supports: Mapping[str, Support], *tools: str) -> tuple[str, ...]:
    told = turn(*(call(tool, at_s=at) for at, tool in enumerate(tools)))
    view = BaselineView("files", sessions=50, principals=3, supports=supports)
    return facts("mean_surprise", told, len(tools) - 1, {"files": view})


def known(pair: int, triple: int, principals: int = 3) -> dict[str, Support]:
    """Sessions in which the last two and the last three tools of CHAIN came in this order, of 40 that could show it;
    what comes before them is common."""
    before, edge, longer_before, longer_edge = edge_keys(CHAIN)
    common = [*map(tool_key, CHAIN), *edge_keys(CHAIN[:1]), *edge_keys(CHAIN[:2])]
    return {
        **dict.fromkeys(common, Support(45, 3)),
        **dict.fromkeys((before, longer_before), Support(40, 3)),
        edge: Support(pair, principals),
        longer_edge: Support(triple, principals),
    }


def test_an_order_is_told_with_the_sessions_that_showed_it() -> None:
    assert order(known(0, 0), *CHAIN) == ("lookup after fetch_page: 0 of 40 sessions",)


def test_a_pair_that_is_normal_is_not_told_and_the_triple_is() -> None:
    assert order(known(40, 1), *CHAIN) == ("lookup after search, fetch_page: 1 of 40 sessions",)


def test_a_normal_order_is_no_reason() -> None:
    assert order(known(40, 40), *CHAIN) == ()


def test_an_order_that_one_principal_repeats_says_so() -> None:
    assert order(known(30, 30, principals=1), *CHAIN) == (
        "lookup after fetch_page: 30 of 40 sessions, for one principal only",
    )


def test_a_first_call_that_nobody_begins_with_says_so() -> None:
    assert order({}, "lookup") == ("lookup as the first call of a turn: 0 of 50 sessions",)


@pytest.mark.parametrize(("seen", "told"), [(4, 1), (20, 0)])
def test_a_size_is_told_only_where_few_sessions_reach_it(seen: int, told: int) -> None:
    supports = {tool_key("post"): Support(40, 3), **dict.fromkeys(size_keys("out", "post", 5000), Support(seen, 3))}
    large = turn(call("post", send("203.0.113.7:443", 5000, 0.1)))
    view = BaselineView("files", sessions=50, principals=3, supports=supports)
    assert len(facts("sent_outside", large, 0, {"files": view})) == told
