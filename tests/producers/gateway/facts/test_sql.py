"""SQL in arguments: recognised by name or beginning, read within bounds, told without a literal."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.producers.gateway.facts.sql import statements
from triptych.producers.gateway.facts.sqlreader import SqlReader, Statement

CANARY = "canary-literal-5150"


def read(text: str) -> Statement:
    return SqlReader(lambda: 0).read(text)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sql": "anything at all"},
        {"query": "SELECT * FROM users"},
        {"text": "  -- why\n delete from users"},
        {"q": "with recent as (select 1) select * from recent"},
        {"options": {"inner": [{"statement": "x"}]}},
        {"command": "DROP TABLE users"},
        {"x": "/* hidden */ insert into t values (1)"},
    ],
)
def test_a_statement_is_known_by_its_name_or_its_beginning(arguments: dict[str, Any]) -> None:
    assert len(statements(arguments)) == 1


@pytest.mark.parametrize(
    "text", ["weather in Paris", "update the docs", "with kind regards", "select best restaurants", "", "show me", "5"]
)
def test_ordinary_words_are_no_statement(text: str) -> None:
    assert statements({"query": text, "text": text}) == []


@pytest.mark.parametrize(
    ("text", "kind", "tables"),
    [
        ("SELECT a FROM t JOIN s.u ON t.x = s.u.x", "select", ("t", "s.u")),
        ("select 1 union select 2", "select", ()),
        ("WITH c AS (SELECT 1) SELECT * FROM c", "select", ()),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone", "delete", ("users",)),
        ("INSERT INTO `a`.`b` VALUES (1)", "insert", ("a.b",)),
        ("select * from [dbo].[x]", "select", ("dbo.x",)),
        ("ATTACH DATABASE '/tmp/x' AS y", "attach", ()),
        ("PRAGMA table_info(users)", "pragma", ()),
        ("truncate table t", "truncate", ("t",)),
        ("nothing of the kind", "unreadable", ()),
        ("select from where", "unreadable", ()),
    ],
)
def test_a_statement_is_told_by_kind_and_tables(text: str, kind: str, tables: tuple[str, ...]) -> None:
    found = read(text)
    assert (found.kind, found.tables) == (kind, tables)


def test_statements_behind_the_first_count_and_name_their_tables() -> None:
    assert read("SELECT 1; DROP TABLE users; --") == Statement("select", 2, ("users",))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t WHERE a = '?'",
        "SELECT * FROM '?'",
        "SELECT * FROM read_csv('?')",
        "INSERT INTO t VALUES ('?')",
        "EXEC something '?'",
        "COPY t FROM '?'",
        "?",
    ],
)
def test_no_literal_is_told_or_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert CANARY not in repr(read(text.replace("?", CANARY)))
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "select b join a,(" * 40,
        "select b join case " * 40,
        "from lateral json_object " + "join execute json_object " * 30,
        "select " + "(" * 2000,
        "select " + "case when a then " * 200,
        "select " + "a," * 2000 + "a",
        "create table t (a " + "struct<a " * 300,
    ],
)
def test_what_makes_a_parser_backtrack_is_given_up_after_few_steps(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlglot.parser import Parser  # noqa: PLC0415

    steps = 0
    advance = Parser._advance

    def counted(self: Parser, times: int = 1) -> None:
        nonlocal steps
        steps += 1
        advance(self, times)

    monkeypatch.setattr(Parser, "_advance", counted)
    read(text)
    assert steps <= 3 * 4096 + 128


def test_reading_takes_a_tenth_of_the_time_and_then_pauses() -> None:
    ticks = count(0, 60_000_000)  # every look at the clock is 60 ms later
    reader = SqlReader(lambda: next(ticks))
    kinds = [reader.read("select a from t").kind for _ in range(20)]
    assert kinds[0] == "select"
    assert 1 <= kinds.count("select") <= 6
    assert kinds.count("unread") == 20 - kinds.count("select")


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["select", "from", "(", ")", ",", "a", "join", "'x'", "case", ";", "--", '"', "`"])).map(
        " ".join
    )
)
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert read(text).count >= 0


@given(
    st.recursive(
        st.none() | st.text(max_size=20) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=20,
    )
)
def test_any_arguments_are_searched(arguments: object) -> None:
    assert all(len(found.text) <= 4096 for found in statements(arguments))
