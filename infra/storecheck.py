"""Does a store keep what a worker tells it: asked before the start, because a worker waits for a store without an end.

Writes one key and takes it away again, and reads what the server says of itself, where it says anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import redis
from redis.exceptions import (
    ClusterError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)

from .errors import StoreError
from .stores import Store

__all__ = ["Doubt", "check"]

_TIMEOUT_S = 3.0
_SKEW_S = 5.0
_OLDEST = (6, 2)  # SMISMEMBER, ZRANGE by score
_GRANT = "ACL SETUSER NAME ~triptych:* +@read +@write +@scripting +@transaction +@connection +info +time"
_FIXES: Mapping[type[Exception], str] = {
    ReadOnlyError: "this is a replica: name the primary in redis.url",
    NoPermissionError: _GRANT,
    OutOfMemoryError: "raise its maxmemory; a worker would wait until there is room",
    ClusterError: "name a Redis that is no cluster: what belongs together must be written together",
    MovedError: "name a Redis that is no cluster: what belongs together must be written together",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that works now, and may not do as expected one day."""

    what: str
    fix: str


def check(store: Store, *, tenant: str, now_s: float) -> tuple[Doubt, ...]:
    """Raises StoreError R13 for a store that refuses a worker's writes or would forget them, R01 when it is away."""
    with redis.Redis.from_url(store.url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S) as client:
        try:
            facts = _facts(client)
            _check_facts(store, facts)
            _write(client, f"triptych:{quote(tenant, safe='')}:probe")
            return (*_forgetting(store, facts), *_clock(client, now_s))
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise StoreError(
                f"cannot use Redis at {store.address}: {error}", "is it running? check redis.url"
            ) from None
        except redis.RedisError as error:
            fix = next((fix for kind, fix in _FIXES.items() if isinstance(error, kind)), "look at the server's log")
            raise StoreError(f"Redis at {store.address} refuses: {error}", fix, code="R13") from None


def _facts(client: redis.Redis) -> Mapping[str, Any]:
    try:
        return cast(Mapping[str, Any], client.info("default"))
    except NoPermissionError:
        return {}


def _check_facts(store: Store, facts: Mapping[str, Any]) -> None:
    version = str(facts.get("redis_version", ""))
    if version and tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise StoreError(f"Redis at {store.address} is of version {version}", "6.2 or later", code="R13")
    if facts.get("cluster_enabled"):
        raise StoreError(f"Redis at {store.address} is a cluster", _FIXES[ClusterError], code="R13")
    policy = str(facts.get("maxmemory_policy", ""))
    if facts.get("maxmemory") and policy.startswith("allkeys"):
        raise StoreError(
            f"Redis at {store.address} forgets what it likes when memory ends (maxmemory-policy {policy}), "
            "baselines and all",
            "CONFIG SET maxmemory-policy noeviction, or a Redis that is no cache",
            code="R13",
        )


def _write(client: redis.Redis, key: str) -> None:
    """What a worker does all the time, in small: a transaction with a script in it."""
    with client.pipeline(transaction=True) as pipe:
        pipe.set(key, b"1", ex=10)
        pipe.eval("return redis.call('GET', KEYS[1])", 1, key)
        pipe.delete(key)
        pipe.execute()


def _forgetting(store: Store, facts: Mapping[str, Any]) -> Iterator[Doubt]:
    if store.provider == "external" and facts.get("aof_enabled") == 0:  # what we start ourselves ends with us
        yield Doubt(
            "a Redis that ends forgets what it was told since its last snapshot (appendonly no)",
            "CONFIG SET appendonly yes",
        )
    policy = str(facts.get("maxmemory_policy", ""))
    if facts.get("maxmemory") and policy.startswith("volatile"):
        yield Doubt(
            f"when memory ends, open incidents are forgotten (maxmemory-policy {policy})",
            "CONFIG SET maxmemory-policy noeviction",
        )


def _clock(client: redis.Redis, now_s: float) -> Iterator[Doubt]:
    try:
        seconds, microseconds = client.time()
    except NoPermissionError:
        return
    if abs(ahead := now_s - seconds - microseconds / 1e6) > _SKEW_S:
        yield Doubt(
            f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of Redis",
            "run a time service such as chrony on both",
        )
