from __future__ import annotations

import pytest
import redis.asyncio as redis
from hypothesis import given
from hypothesis import strategies as st

from triptych.streams.redisclient import RedisClient

ARGUMENTS = st.text(st.characters(exclude_categories=("Cs",))) | st.binary() | st.integers() | st.floats()
COMMANDS = st.lists(st.lists(ARGUMENTS, max_size=5).map(lambda arguments: ("EVAL", *arguments)), min_size=1, max_size=4)


@given(COMMANDS)
def test_a_pipeline_is_written_as_the_client_would_write_it(commands: list[tuple[str | bytes | float, ...]]) -> None:
    ours = RedisClient("redis://127.0.0.1:1").redis.connection_pool.make_connection()
    assert b"".join(ours.pack_commands(commands)) == b"".join(redis.Connection().pack_commands(commands))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1:1", redis.Connection),
        ("rediss://127.0.0.1:1", redis.SSLConnection),
        ("unix:///nowhere", redis.UnixDomainSocketConnection),
    ],
)
def test_the_kind_of_a_connection_is_that_of_its_address(url: str, kind: type) -> None:
    assert isinstance(RedisClient(url).redis.connection_pool.make_connection(), kind)
