"""The ledger: an MCP server over Streamable HTTP with invoices, customers and messages. All names are made up.

Runs as nobody, because a sensor believes a gateway about servers of other users only.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer

__all__ = ["ACCOUNTS", "CUSTOMERS", "build", "invoice_of", "main"]

_NOBODY = 65534
CUSTOMERS = ("Ardent", "Borough", "Cobalt", "Dovetail", "Ember", "Fathom", "Gantry", "Harrow")
ACCOUNTS = {name: f"ACC-{1000 + 7 * number}" for number, name in enumerate(CUSTOMERS)}
_FLAKY = 7  # one invoice in so many is locked at the first look


def build() -> MCPServer[Any]:
    """The server with its tools. Amounts are in cents."""
    server: MCPServer[Any] = MCPServer("ledger", version="5.2", log_level="ERROR")
    locked: set[int] = set()

    @server.tool()
    def list_invoices(customer: str, status: str = "open") -> list[dict[str, Any]]:
        """Invoices of a customer."""
        _known(customer)
        first = 100 * (1 + CUSTOMERS.index(customer))
        return [invoice_of(first + number) | {"status": status} for number in range(3)]

    @server.tool()
    def get_invoice(number: int) -> dict[str, Any]:
        """One invoice."""
        if number % _FLAKY == 0 and number not in locked:
            locked.add(number)
            raise RuntimeError("the invoice is locked, try again")
        return invoice_of(number)

    @server.tool()
    def find_customer(name: str) -> dict[str, str]:
        """A customer with the account to pay to."""
        _known(name)
        return {"name": name, "account": ACCOUNTS[name]}

    @server.tool()
    def pay_invoice(number: int, recipient: str, amount: int) -> str:
        """Pay an invoice to an account."""
        return f"paid {amount} for {number} to {recipient}"

    @server.tool()
    def send_message(to: str, text: str) -> str:
        """Write to a customer."""
        return f"sent {len(text)} characters to {to}"

    return server


def invoice_of(number: int) -> dict[str, Any]:
    """What the ledger says of an invoice."""
    customer = CUSTOMERS[(number // 100 - 1) % len(CUSTOMERS)]
    return {"number": number, "customer": customer, "recipient": ACCOUNTS[customer], "amount": 10_000 + 13 * number}


def _known(customer: str) -> None:
    if customer not in ACCOUNTS:
        raise ValueError(f"there is no customer {customer}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="ledger", description="The lab's MCP server over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    server = build()
    if os.getuid() == 0:
        os.setuid(_NOBODY)
    server.run("streamable-http", host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
