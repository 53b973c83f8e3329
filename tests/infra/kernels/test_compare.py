"""An event may be absent only for want of its feature, and none may come too often."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.kernels.compare import EXPECTED, kinds, read, unexplained, write

EXPECTATION = Counter({"open path=~/a": 3, "open path=~/a via=compat": 2, "flow peer=tcp": 1})


def test_the_same_events_leave_nothing_to_explain() -> None:
    assert unexplained(EXPECTATION, EXPECTATION.elements(), []) == []


def test_an_absent_event_is_explained_by_its_feature_alone() -> None:
    told = ["open path=~/a"] * 3 + ["flow peer=tcp"]
    assert unexplained(EXPECTATION, told, ["open-32bit"]) == []
    assert unexplained(EXPECTATION, told, ["bytes"]) == ["-2 open path=~/a via=compat"]


@pytest.mark.parametrize("missing", [[], ["open-32bit", "bytes", "connect", "messages", "open-io-uring"]])
def test_an_event_too_many_is_never_explained(missing: list[str]) -> None:
    assert unexplained(EXPECTATION, [*EXPECTATION.elements(), "open path=~/a"], missing) == ["+1 open path=~/a"]


@given(st.lists(st.sampled_from(["open path=~", "exec argv=a b", "exit result=0"])))
def test_what_is_written_is_read_again(events: list[str]) -> None:
    assert read(write(events)) == Counter(events)


def test_the_expectation_holds_a_number_of_every_kind_of_event() -> None:
    counted = kinds(read(EXPECTED.read_text()).elements())
    assert {"exec", "fork", "exit", "open", "io", "change", "connect", "listen", "accept", "flow"} <= counted.keys()
    assert {"dns", "descriptor", "escape"} <= counted.keys()
    assert "sum" not in counted
