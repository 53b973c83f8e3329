from __future__ import annotations

from mcp import Client

from triptych.infra.lab.ledger import build


async def test_an_invoice_that_is_locked_opens_at_the_second_look() -> None:
    async with Client(build()) as ledger:
        assert (await ledger.call_tool("get_invoice", {"number": 301})).is_error
        assert not (await ledger.call_tool("get_invoice", {"number": 301})).is_error


async def test_nobody_knows_a_customer_that_is_none() -> None:
    async with Client(build()) as ledger:
        assert (await ledger.call_tool("find_customer", {"name": "admin"})).is_error
