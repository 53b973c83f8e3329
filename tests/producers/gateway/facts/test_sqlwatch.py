"""SQL of a call stands on its reply: kind, tables and rows; the text is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triptych.models.events import SqlFact
from triptych.producers.gateway.facts.sqlwatch import SqlWatch

CANARY = "canary-sql-literal-9901"
Build = Callable[..., dict[str, Any]]


def test_the_reply_tells_statement_tables_and_rows(signed: Any, call: Build, answer: Build) -> None:
    (asked,) = signed.client(call(1, "query", sql="SELECT a FROM users WHERE b = '?'".replace("?", CANARY)))
    (reply,) = signed.server(answer(1, "[{'a': 1}, {'a': 2}]"))
    assert asked.sql == ()
    assert reply.sql == (SqlFact(pointer="/sql", statement="select", statements=1, tables=("users",), rows=2),)
    assert CANARY.encode() not in b"".join(signed.records)


def test_an_error_shows_no_rows(signed: Any, call: Build, answer: Build) -> None:
    signed.client(call(1, "query", sql="DELETE FROM users"))
    (reply,) = signed.server(answer(1, "[1]", isError=True))
    assert (reply.sql[0].statement, reply.sql[0].rows) == ("delete", None)


def test_what_only_begins_like_sql_is_no_statement(signed: Any, call: Build, answer: Build) -> None:
    signed.client(call(1, "draw", text="Select a colour from the list below, please"))
    assert signed.server(answer(1))[0].sql == ()


def test_what_is_called_sql_and_cannot_be_read_is_said(signed: Any, call: Build, answer: Build) -> None:
    signed.client(call(1, "query", sql="please give me all users"))
    assert [fact.statement for fact in signed.server(answer(1))[0].sql] == ["unreadable"]


def test_tables_that_look_secret_stand_as_digests(signed: Any, call: Build, answer: Build) -> None:
    token = "ghp_" + "a1B2" * 9
    signed.client(call(1, "query", sql='SELECT * FROM "?"'.replace("?", token)))
    (reply,) = signed.server(answer(1))
    assert reply.sql[0].tables[0].startswith("digest:")
    assert token.encode() not in b"".join(signed.records)


def test_statements_that_wait_are_bounded_and_forgotten_with_their_call(
    signed: Any, call: Build, answer: Build
) -> None:
    watch: SqlWatch = signed.signatures._sql
    signed.client(*(call(number, "query", sql="select 1 --" + "x" * 4000) for number in range(100)))
    assert 0 < watch._characters <= 262_144
    replies = [signed.server(answer(number))[0] for number in range(90, 99)]
    assert all(reply.sql for reply in replies)
    signed.client({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}})
    assert watch._characters == sum(len(one.text) for found in watch._waiting.values() for one in found)


def test_of_a_call_whose_text_was_forgotten_nothing_is_told(signed: Any, call: Build, answer: Build) -> None:
    signed.client(*(call(number, "query", sql="select 1 --" + "x" * 4000) for number in range(100)))
    assert signed.server(answer(0))[0].sql == ()
