"""SQL among the arguments of a call: which kinds of statements ask which tables, as far as the gateway could read."""

from __future__ import annotations

from .events import Call
from .keys import key_of

__all__ = ["statement_key", "statements"]


def statement_key(tool: str, statement: str, table: str) -> str:
    """The tool was given a statement of this kind on this table; an empty table where none is named."""
    return key_of("sql", tool, statement, table)


def statements(call: Call) -> tuple[tuple[str, str], ...]:
    """Kind and table of all that the statements of a call name, each once. Several statements in one value are a kind
    of their own."""
    named = (
        (f"{sql.statement} and more" if sql.statements > 1 else sql.statement, table)
        for sql in call.sql
        for table in sql.tables or ("",)
    )
    return tuple(dict.fromkeys(named))
