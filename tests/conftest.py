"""Shared by all tests: the real broker and store, and one rule for parts that this machine lacks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NoReturn, TypeVar

import hypothesis
import pytest

from triptych.infra import brokers, stores
from triptych.infra.settings import Kafka, Redis
from triptych.models.errors import TriptychError

# Many tests share two cores: how long one example took says nothing.
hypothesis.settings.register_profile("triptych", deadline=None)
hypothesis.settings.load_profile("triptych")

P = TypeVar("P")
Require = Callable[[str, str], NoReturn]

REQUIRED = frozenset(filter(None, os.environ.get("TRIPTYCH_REQUIRE", "").split(",")))


def _require(part: str, reason: str) -> NoReturn:
    if part in REQUIRED:
        pytest.fail(f"TRIPTYCH_REQUIRE names {part}, but {reason}", pytrace=False)
    pytest.skip(f"{part}: {reason}")


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(part, reason)` skips for want of a part, or fails where TRIPTYCH_REQUIRE names it."""
    return _require


@pytest.fixture(scope="session", autouse=True)
def _clean_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the developer's own reaches a test, and no test writes into a home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRIPTYCH_") and name != "TRIPTYCH_REQUIRE"]:
            patch.delenv(name)
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real Apache Kafka that holds the topics of topics.toml. For tests marked broker."""
    with _started("broker", brokers.start(Kafka(provider="local"))) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Address of a real redis-server, shared: take a prefix of your own. For tests marked broker."""
    with _started("broker", stores.start(Redis(provider="local"))) as store:
        yield store.url


@contextlib.contextmanager
def _started(part: str, manager: AbstractContextManager[P]) -> Iterator[P]:
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(manager)
        except TriptychError as error:
            _require(part, str(error))
        yield started
