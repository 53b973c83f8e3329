"""What the clients say and the servers answer: real sizes, and nothing twice."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.bench.gateway.answers import answer
from triptych.infra.bench.gateway.sample import SHAPES
from triptych.infra.bench.gateway.traffic import INITIALIZE, INITIALIZED, LIST, SIZE, Message, call, page_call

NUMBERS = st.integers(0, 10_000_000)


@given(NUMBERS)
def test_a_call_has_the_size_of_the_bars(number: int) -> None:
    line = call(number)
    assert len(line) == SIZE
    assert 390 <= len(answer(line) or b"") <= 410


@given(NUMBERS)
def test_a_page_is_as_long_as_asked(number: int) -> None:
    reply = orjson.loads(answer(page_call(number, 70_000)) or b"")
    assert len(reply["result"]["content"][0]["text"]) == 70_000


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_two_calls_share_a_value(shape: Message) -> None:
    lines = [orjson.loads(shape(number))["params"] for number in range(500)]
    for name in ("text", "path", "n"):
        assert len({line["arguments"][name] for line in lines}) == 500


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_reply_answers_its_request(shape: Message) -> None:
    reply = orjson.loads(answer(shape(7)) or b"")
    assert reply["id"] == 7
    assert reply["result"]["isError"] is False


def test_the_handshake_is_answered() -> None:
    assert b"serverInfo" in (answer(INITIALIZE) or b"")
    assert answer(INITIALIZED) is None
    assert b'"echo"' in (answer(LIST) or b"")
    assert b"-32601" in (answer(b'{"jsonrpc":"2.0","id":1,"method":"tasks/list"}') or b"")
