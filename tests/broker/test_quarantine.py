from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from triptych.models.baseline import Support
from triptych.models.events import Alert
from triptych.models.feedback import Verdict
from triptych.models.history import reduced, to_json
from triptych.models.testing_traffic import sessions
from triptych.streams.known import Learn, Quarantine, Remember, Told, Wanted
from triptych.streams.quarantine import Verdicts
from triptych.streams.store import RedisStore

pytestmark = pytest.mark.broker
S = 1_000_000_000
TURN = reduced(sessions(1)[0])


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    made = RedisStore(redis_url, tenant=uuid.uuid4().hex)
    yield made
    await made.close()


def held(turn: str = "t1", *findings: str, principal: str = "ann", by_score: bool = False) -> Quarantine:
    learn = Learn(server="files", session=turn, principal=principal, keys=("tool:x", "dest:y"), seen_ns=5 * S)
    return Quarantine(
        turn=turn,
        findings=findings or ("trp-1",),
        seen_ns=5 * S,
        lessons=(learn, Remember(turn=turn, started_ns=5 * S, body=to_json(TURN))),
        unusual={"files": ("dest:y",)},
        alike="same",
        principal=principal,
        by_score=by_score,
    )


def said(word: str, uid: str = "trp-1", at_s: int = 10) -> Verdict:
    return Verdict(finding_uid=uid, is_true=word == "true", reason="", by="ann", wall_ns=at_s * S)


async def support(store: RedisStore, key: str = "dest:y") -> Support:
    return (await store.lookup(Wanted({"files": (key,)}))).views["files"].support(key)


async def test_a_dismissed_finding_lets_its_turn_teach_once(store: RedisStore) -> None:
    await store.apply([held()])
    assert await support(store) == Support()
    for _ in range(2):
        await Verdicts(store.quarantined).apply([said("false")])
    assert await support(store) == Support(1, 1)
    assert len(await store.turns()) == 1


async def test_a_verdict_that_comes_before_its_turn_waits_for_it(store: RedisStore) -> None:
    await Verdicts(store.quarantined).apply([said("false")])
    await store.apply([held()])
    assert await support(store) == Support(1, 1)


async def test_a_turn_of_two_findings_waits_for_both_verdicts(store: RedisStore) -> None:
    await store.apply([held("t1", "trp-1", "trp-2")])
    await Verdicts(store.quarantined).apply([said("false")])
    assert await support(store) == Support()
    await Verdicts(store.quarantined).apply([said("false", "trp-2")])
    assert await support(store) == Support(1, 1)


async def test_what_was_confirmed_is_not_learned_from_other_turns_either(store: RedisStore) -> None:
    await store.apply([held()])
    await Verdicts(store.quarantined).apply([said("true")])
    other = Learn(server="files", session="s9", principal="ben", keys=("tool:x", "dest:y"), seen_ns=9 * S)
    await store.apply([other])
    assert await support(store) == Support()
    assert await support(store, "tool:x") == Support(1, 1)


async def test_the_later_of_two_verdicts_stands_whichever_comes_first(store: RedisStore) -> None:
    await store.apply([held()])
    verdicts = Verdicts(store.quarantined)
    await verdicts.apply([said("true", at_s=20), said("false", at_s=10)])
    assert await support(store) == Support()
    await verdicts.apply([said("false", at_s=30)])
    assert await support(store) == Support(1, 1)


async def test_a_word_taken_back_leaves_what_another_turn_denied(store: RedisStore) -> None:
    await store.apply([held("t1"), held("t2", "trp-2")])
    verdicts = Verdicts(store.quarantined)
    await verdicts.apply([said("true", "trp-2"), said("false")])
    assert await support(store) == Support()
    assert await support(store, "tool:x") == Support(1, 1)


async def test_three_principals_make_normal_what_only_the_score_found_unusual(store: RedisStore) -> None:
    for number, who in enumerate(("ann", "ann", "ben")):
        await store.apply([held(f"t{number}", f"trp-{number}", principal=who, by_score=True)])
    assert await support(store) == Support()
    await store.apply([held("t3", "trp-3", principal="cleo", by_score=True)])
    assert await support(store) == Support(4, 3)


async def test_principals_do_not_overrule_a_rule(store: RedisStore) -> None:
    writes = [held(f"t{who}", f"trp-{who}", principal=who) for who in ("ann", "ben", "cleo")]
    await store.apply(writes)
    assert await support(store) == Support()


async def test_a_confirmed_turn_among_many_keeps_its_facts_out(store: RedisStore) -> None:
    await store.apply([held("t0", "trp-0", principal="ann", by_score=True)])
    await Verdicts(store.quarantined).apply([said("true", "trp-0")])
    writes = [held(f"t{who}", f"trp-{who}", principal=who, by_score=True) for who in ("ben", "cleo", "dan")]
    await store.apply(writes)
    assert await support(store) == Support()


async def test_a_finding_is_answered_with_its_last_revision(store: RedisStore) -> None:
    alert = Alert(finding_uid="trp-1", sequence=1, wall_ns=S, workload="w")
    await store.apply([Told(alert), Told(replace(alert, sequence=2))])
    assert {uid: one.sequence for uid, one in (await store.quarantined.last(("trp-1", "trp-2"))).items()} == {
        "trp-1": 2
    }


async def test_what_comes_later_of_a_turn_that_was_set_aside_does_not_teach_by_itself(store: RedisStore) -> None:
    await store.apply([held("t1")])
    learn, remember = held("t1").lessons[0], held("t1").lessons[1]
    await store.apply([replace(learn, turn="t1"), remember])
    assert (await support(store), await store.turns()) == (Support(), [])
    await Verdicts(store.quarantined).apply([said("false")])
    assert (await support(store), len(await store.turns())) == (Support(1, 1), 1)
