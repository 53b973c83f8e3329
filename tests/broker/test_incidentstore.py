from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from triptych.models.incidents.grouping import MOST, group
from triptych.models.incidents.member import Member, Windows
from triptych.streams.incidents import Merged
from triptych.streams.incidentstore import IncidentStore
from triptych.streams.stage import StoreAwayError

pytestmark = pytest.mark.broker
START_NS = 1_790_000_000_000_000_000
WINDOWS = Windows()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[IncidentStore]:
    made = IncidentStore(redis_url, WINDOWS, tenant=uuid.uuid4().hex)
    yield made
    await made.close()


def member(name: str, at_s: int = 0, **links: str) -> Member:
    return Member(uid=name, sequence=1, started_ns=START_NS + at_s * 10**9, **links)  # type: ignore[arg-type]


async def test_a_finding_finds_what_others_wrote_over_several_links(store: IncidentStore) -> None:
    found = [member("a", 0, workload="w1"), member("b", 60, workload="w1", correlation_id="t"),
             member("c", 90_000, correlation_id="t"), member("z", 0, workload="other")]  # fmt: skip
    for one in found:
        known = await store.lookup([one])
    groups = (await store.lookup([found[0]])).groups
    assert {one.uid for one in groups["a"].members} == {"a", "b", "c"}
    assert {one.uid for one in known.groups["z"].members} == {"z"}
    (expected, _) = group(found, WINDOWS)
    assert set(groups["a"].members) == set(expected)


async def test_the_newest_revision_counts_in_whatever_order_they_come(store: IncidentStore) -> None:
    one = member("a", workload="w")
    for sequence, closed in ((3, False), (1, False), (3, True), (3, False), (2, False)):
        known = await store.lookup([replace(one, sequence=sequence, closed=closed)])
    assert [(found.sequence, found.closed) for found in known.groups["a"].members] == [(3, True)]


async def test_what_lies_outside_a_window_is_not_found(store: IncidentStore) -> None:
    await store.lookup([member("a", 0, workload="w")])
    known = await store.lookup([member("b", 3_601, workload="w")])
    assert {found.uid for found in known.groups["b"].members} == {"b"}


async def test_former_names_are_told_until_it_is_written_that_they_were(store: IncidentStore) -> None:
    await store.lookup([member("b", 5, correlation_id="t")])
    for _ in range(2):
        known = await store.lookup([member("a", 0, correlation_id="t")])
        assert known.groups["a"].former == ("b",)
    for _ in range(2):
        await store.apply([Merged("b")])
    assert (await store.lookup([member("a", 0, correlation_id="t")])).groups["a"].former == ()


async def test_of_two_workers_at_once_one_sees_both_findings(store: IncidentStore, redis_url: str) -> None:
    for number in range(20):
        pair = [member(f"{number}a", correlation_id=f"t{number}"), member(f"{number}b", 1, correlation_id=f"t{number}")]
        answers = await asyncio.gather(*(store.lookup([one]) for one in pair))
        sizes = [len(known.groups[one.uid].members) for known, one in zip(answers, pair, strict=True)]
        assert max(sizes) == 2


async def test_a_store_that_is_away_says_so() -> None:
    away = IncidentStore("redis://127.0.0.1:1/0", WINDOWS)
    with pytest.raises(StoreAwayError):
        await away.lookup([member("a")])
    await away.close()


async def test_what_belongs_to_a_full_group_shares_it_and_what_does_not_has_its_own(store: IncidentStore) -> None:
    found = [member(f"{number:03}", number, workload="w") for number in range(MOST + 3)]
    apart = member("z", 3 * 3_600, workload="w")
    groups = (await store.lookup([*found, apart])).groups
    assert groups.keys() >= {one.uid for one in found}
    assert len({id(groups[one.uid]) for one in found}) == 1
    assert [one.uid for one in groups["z"].members] == ["z"]
