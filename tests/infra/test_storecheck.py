"""A store that would refuse or forget what a worker learns is refused first, with its fix; it is left as it was."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
import redis
from patience import PATIENCE_S

from triptych.infra import stores
from triptych.infra.errors import StoreError
from triptych.infra.settings import Redis
from triptych.infra.storecheck import check
from triptych.infra.stores import Store


@pytest.fixture(scope="module")
def embedded() -> Iterator[Store]:
    with stores.start(Redis()) as store:
        yield store


@pytest.fixture
def admin(embedded: Store) -> Iterator[redis.Redis]:
    """The server, put right again afterwards."""
    with redis.Redis.from_url(embedded.url) as client:
        yield client
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "no")


def refused(store: Store) -> StoreError:
    with pytest.raises(StoreError, match="R13") as raised:
        check(store, tenant="acme", now_s=time.time())
    return raised.value


def test_a_store_that_keeps_everything_passes_and_holds_nothing_new(embedded: Store, admin: redis.Redis) -> None:
    assert check(embedded, tenant="acme", now_s=time.time()) == ()
    assert admin.dbsize() == 0


def test_a_replica_names_the_setting(embedded: Store, admin: redis.Redis) -> None:
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert "primary in redis.url" in refused(embedded).hint


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_cache_that_evicts_baselines_is_refused_with_the_policy_it_needs(
    embedded: Store, admin: redis.Redis, policy: str
) -> None:
    admin.config_set("maxmemory-policy", policy)
    assert check(embedded, tenant="acme", now_s=time.time()) == ()  # without a bound nothing is evicted
    admin.config_set("maxmemory", "100mb")
    assert "noeviction" in refused(embedded).hint


def test_a_policy_that_only_evicts_what_expires_is_a_doubt(embedded: Store, admin: redis.Redis) -> None:
    admin.config_set("maxmemory-policy", "volatile-lru")
    admin.config_set("maxmemory", "100mb")
    (doubt,) = check(embedded, tenant="acme", now_s=time.time())
    assert ("volatile-lru" in doubt.what, "noeviction" in doubt.fix) == (True, True)


def test_a_store_of_somebody_else_that_keeps_no_log_is_a_doubt_with_its_setting(
    embedded: Store, admin: redis.Redis
) -> None:
    theirs = Store("external", embedded.url)
    (doubt,) = check(theirs, tenant="acme", now_s=time.time())
    assert ("appendonly no" in doubt.what, doubt.fix) == (True, "CONFIG SET appendonly yes")
    admin.config_set("appendonly", "yes")
    assert check(theirs, tenant="acme", now_s=time.time()) == ()


def test_a_store_without_room_is_refused(embedded: Store, admin: redis.Redis) -> None:
    admin.config_set("maxmemory", "1")
    assert "maxmemory" in refused(embedded).hint


@pytest.mark.parametrize(
    ("rights", "said"),
    [("~triptych:* +@read +@connection", "multi"), ("~other:* +@all", "access"), ("~triptych:* +@all -eval", "eval")],
)
def test_a_user_that_may_not_do_everything_is_told_what_to_grant(
    embedded: Store, admin: redis.Redis, rights: str, said: str
) -> None:
    admin.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">pw", *rights.split())
    error = refused(Store("external", embedded.url.replace("unix://", "unix://limited:pw@")))
    assert (said in error.what, "ACL SETUSER" in error.hint, "pw" in error.what) == (True, True, False)


def test_the_rights_that_are_recommended_are_enough(embedded: Store, admin: redis.Redis) -> None:
    rights = "~triptych:* +@read +@write +@scripting +@transaction +@connection +info +time"
    admin.execute_command("ACL", "SETUSER", "worker", "reset", "on", ">pw", *rights.split())
    admin.config_set("appendonly", "yes")
    theirs = Store("external", embedded.url.replace("unix://", "unix://worker:pw@"))
    assert check(theirs, tenant="acme", now_s=time.time()) == ()
    assert len(check(theirs, tenant="acme", now_s=time.time() + 600)) == 1


@pytest.mark.parametrize(("off_s", "word"), [(6_000, "ahead"), (-6_000, "behind")])
def test_a_clock_that_differs_is_a_doubt_in_both_directions(embedded: Store, off_s: int, word: str) -> None:
    (doubt,) = check(embedded, tenant="acme", now_s=time.time() + off_s)
    told = re.search(rf"(\d+) s {word}", doubt.what)
    assert told
    assert abs(int(told[1]) - abs(off_s)) < PATIENCE_S, "the seconds that the check itself took come to it"
    assert "chrony" in doubt.fix


def test_a_store_that_is_away_is_another_error() -> None:
    with pytest.raises(StoreError, match="R01"):
        check(Store("external", "redis://127.0.0.1:1"), tenant="acme", now_s=0)
