"""What a refused client gets: an error for each of its ids, and nothing for what asks for no reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from triptych.producers.gateway.policy.reading import read_line
from triptych.producers.gateway.policy.refusal import refusals

CALL = '{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"rm"}}'


def answers(line: str) -> list[Any]:
    return [json.loads(text) for text in refusals(read_line(line.encode()), ["tool-not-allowed"])]


@pytest.mark.parametrize("lexeme", ["1", '"1"', '"é"', "1.5", "18446744073709551615", "99999999999999999999999", "-0"])
def test_the_answer_bears_the_id_as_it_was_sent(lexeme: str) -> None:
    (text,) = refusals(read_line((CALL % lexeme).encode()), ["tool-not-allowed"])
    assert json.loads(text)["id"] == json.loads(lexeme)


def test_the_code_is_outside_of_what_the_protocol_keeps_for_itself() -> None:
    (answer,) = answers(CALL % 1)
    assert answer["error"]["data"] == {"rules": ["tool-not-allowed"]}
    assert not -32768 <= answer["error"]["code"] <= -32000


def test_a_batch_gets_one_array_with_an_answer_to_each_request() -> None:
    line = f'[{CALL % 1},{{"jsonrpc":"2.0","method":"x"}},{{"jsonrpc":"2.0","id":"b","method":"ping"}}]'
    assert [[answer["id"] for answer in array] for array in answers(line)] == [[1, "b"]]


def test_two_messages_of_one_line_get_an_answer_each() -> None:
    assert [answer["id"] for answer in answers((CALL % 1) + "\r" + (CALL % 2))] == [1, 2]


@pytest.mark.parametrize("line", [CALL.replace('"id":%s,', ""), CALL % "null", CALL % "{}", CALL % "true", "{", ""])
def test_what_nobody_waits_for_gets_no_answer(line: str) -> None:
    assert answers(line) == []


def test_an_unreadable_request_is_answered_where_its_id_can_be_read() -> None:
    start = (CALL % 7).encode()[:-1]
    (text,) = refusals(read_line(start, complete=False), ["not-inspectable"])
    assert json.loads(text)["id"] == 7
