"""Serialised dispatch: one tool call at a time, and nothing else waits."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.stdio.gate import Gate


def line(number: int, method: str = "tools/call", **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def test_a_second_tool_call_waits_for_the_first() -> None:
    gate = Gate(1000)
    assert gate.admit(line(1) + line(2) + line(3)) == line(1)
    assert gate.finished() == line(2)
    assert gate.finished() == line(3)
    assert gate.finished() == b""


def test_everything_else_overtakes() -> None:
    gate = Gate(1000)
    cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n'
    reply = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'
    others = (line(3, "ping"), cancel, reply, b"nonsense\n")
    assert gate.admit(line(1) + line(2) + b"".join(others)) == line(1) + b"".join(others)


def test_a_continued_call_is_not_held() -> None:
    gate = Gate(1000)
    retry = line(2, inputResponses={}, requestState="s")
    assert gate.admit(line(1) + retry) == line(1) + retry


def test_the_end_of_the_stream_lets_all_go() -> None:
    gate = Gate(1000)
    gate.admit(line(1) + line(2) + b"half")
    assert gate.admit(b"") == line(2) + b"half"


def test_a_line_beyond_the_bound_passes_as_it_comes() -> None:
    gate = Gate(10)
    assert gate.admit(b"x" * 20) == b"x" * 20
    assert gate.admit(b"y\n" + line(1)) == b"y\n" + line(1)


@given(st.lists(st.sampled_from([line(1), line(2, "ping"), b"x\r", b"\n", b"{}\n"]), max_size=10), st.integers(1, 50))
def test_no_byte_is_lost_or_added(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    gate = Gate(1000)
    out = b"".join(gate.admit(stream[at : at + size]) for at in range(0, len(stream), size))
    out += b"".join(gate.finished() for _ in parts) + gate.admit(b"")
    assert sorted(out.split(b"\n")) == sorted(stream.split(b"\n"))
