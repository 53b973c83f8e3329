"""Who waits for a name, how long, and what is given."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fake_api import ignored
from hypothesis import given
from hypothesis import strategies as st
from recorded_identity import SEARCH, SERVER, in_container, in_pod

from triptych.models.identity import Workload
from triptych.producers.sensor.identity.assembly import naming
from triptych.producers.sensor.identity.config import IdentityConfig
from triptych.producers.sensor.identity.identity import Identity
from triptych.producers.sensor.identity.naming import Naming

WAIT_NS = 2_000_000_000
POD = in_pod(SEARCH, SERVER)
HALF = Identity(pod="search-x")
FULL = replace(HALF, container="server")
HOST = Workload(id="host:boot:7:9")


class Known:
    """What is known by now, by workload."""

    def __init__(self) -> None:
        self.identities: dict[str, Identity] = {}
        self.troubles: Counter[str] = Counter()
        self.is_closed = False

    def of(self, workload: Workload) -> Identity | None:
        return self.identities.get(workload.id)

    def close(self) -> None:
        self.is_closed = True


def test_a_new_workload_waits_two_seconds_for_a_name_that_nobody_knows() -> None:
    waiting = Naming(Known())
    assert waiting.open(POD, now_ns=5) == 5 + WAIT_NS
    assert waiting.is_waiting(now_ns=4 + WAIT_NS)
    assert not waiting.is_waiting(now_ns=5 + WAIT_NS)


def test_what_has_no_container_or_is_named_already_does_not_wait() -> None:
    known = Known()
    known.identities[POD.id] = FULL
    waiting = Naming(known)
    assert (waiting.open(HOST, now_ns=5), waiting.open(POD, now_ns=5)) == (0, 0)
    assert list(waiting.news([HOST, POD], now_ns=5)) == [(POD, FULL)]


def test_opening_a_workload_again_does_not_begin_another_wait() -> None:
    waiting = Naming(Known())
    until = waiting.open(POD, now_ns=5)
    assert waiting.open(POD, now_ns=500) == until


def test_half_a_name_is_given_only_when_the_wait_is_over() -> None:
    known = Known()
    waiting = Naming(known)
    until = waiting.open(POD, now_ns=5)
    known.identities[POD.id] = HALF
    assert list(waiting.news([POD], now_ns=until - 1)) == []
    assert list(waiting.news([POD], now_ns=until)) == [(POD, HALF)]


def test_a_full_name_ends_the_wait_and_is_given_once() -> None:
    known = Known()
    waiting = Naming(known)
    waiting.open(POD, now_ns=5)
    known.identities[POD.id] = FULL
    assert list(waiting.news([POD], now_ns=6)) == [(POD, FULL)]
    assert not waiting.is_waiting(now_ns=6)
    assert list(waiting.news([POD], now_ns=7)) == []


def test_a_name_that_comes_late_or_changes_is_given_all_the_same() -> None:
    known = Known()
    waiting = Naming(known)
    until = waiting.open(POD, now_ns=5)
    known.identities[POD.id] = FULL
    assert list(waiting.news([POD], now_ns=until + 1)) == [(POD, FULL)]
    known.identities[POD.id] = owned = replace(FULL, owner="Deployment/search")
    assert list(waiting.news([POD], now_ns=until + 2)) == [(POD, owned)]


def test_a_workload_that_is_let_go_is_forgotten() -> None:
    waiting = Naming(Known())
    waiting.open(POD, now_ns=5)
    assert list(waiting.news([], now_ns=6)) == []
    assert not waiting.is_waiting(now_ns=6)
    assert waiting.open(POD, now_ns=7) == 7 + WAIT_NS


def test_without_a_source_nobody_waits() -> None:
    nothing = naming(IdentityConfig(), ignored)
    assert nothing.open(in_container(SERVER), now_ns=5) == 0
    assert list(nothing.news([in_container(SERVER)], now_ns=6)) == []
    nothing.close()


def test_closing_closes_the_source() -> None:
    known = Known()
    Naming(known).close()
    assert known.is_closed


STEPS = st.lists(st.tuples(st.integers(0, WAIT_NS), st.sampled_from([None, HALF, FULL])), max_size=8)


@given(STEPS)
def test_nobody_waits_longer_than_the_wait_and_the_last_name_wins(steps: list[tuple[int, Identity | None]]) -> None:
    known = Known()
    waiting = Naming(known)
    now = 1
    until = waiting.open(POD, now)
    given_names = []
    for span, identity in steps:
        now += span
        if identity:
            known.identities[POD.id] = identity
        given_names += [name for _, name in waiting.news([POD], now)]
        assert not waiting.is_waiting(until)
    given_names += [name for _, name in waiting.news([POD], until + now)]
    assert given_names[-1:] == [known.identities[POD.id]][-1:] if known.identities else given_names == []
