"""Changes told once over workers that share a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from triptych.models.changes import Change
from triptych.streams.changelog import ChangeLog

pytestmark = pytest.mark.broker

CHANGE = Change(kind="rule", subject="python.x", action="create", after="aa")
REFUSAL = Change(kind="rule", subject="/rules", action="refuse", reason="no rule(call)")


@pytest.fixture
async def workers(redis_url: str) -> AsyncIterator[tuple[ChangeLog, ChangeLog]]:
    both = (ChangeLog(redis_url, tenant="changes"), ChangeLog(redis_url, tenant="changes"))
    await both[0].redis.delete(*[key async for key in both[0].redis.scan_iter("triptych:changes:*")] or ["none"])
    yield both
    for one in both:
        await one.close()


async def test_what_one_has_told_is_no_news_to_another(workers: tuple[ChangeLog, ChangeLog]) -> None:
    one, other = workers
    (first,) = await one.news([CHANGE])
    (same,) = await other.news([CHANGE])
    assert first == same, "told at the same moment, it is the same change"
    await one.told([first])
    assert await other.news([CHANGE]) == ()
    assert await other.standing("rule") == {"python.x": "aa"}


async def test_there_and_back_again_is_two_changes_more(workers: tuple[ChangeLog, ChangeLog]) -> None:
    one, other = workers
    there = replace(CHANGE, action="update", before="aa", after="bb")
    back = replace(CHANGE, action="update", before="bb", after="aa")
    await one.told(await one.news([CHANGE]))
    news = await other.news([there, back])
    assert [change.number for change in news] == [2, 3]
    await other.told(news)
    assert [change.number for change in await one.news([there])] == [4]


async def test_what_is_gone_does_not_stand(workers: tuple[ChangeLog, ChangeLog]) -> None:
    one, _ = workers
    gone = replace(CHANGE, action="delete", before="aa", after="")
    await one.told(await one.news([CHANGE, gone]))
    assert await one.standing("rule") == {}


async def test_a_refusal_is_told_by_one(workers: tuple[ChangeLog, ChangeLog]) -> None:
    assert [await one.news([REFUSAL]) for one in workers] == [(REFUSAL,), ()]
