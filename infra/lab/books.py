"""Everyday work with the database and the ledger: figures, orders, invoices, customers; with the slips that people and
agents make."""

from __future__ import annotations

from collections.abc import Mapping

from ..demo.story import Turn
from .ledger import CUSTOMERS, invoice_of
from .pen import Pen, Task
from .script import Ask

__all__ = ["BOOKS"]

_FIGURES = (
    "select customer, count(*), sum(cents) from orders group by customer order by 3 desc",
    "select product, sum(pieces) from lines group by product",
    "select o.customer, s.state from orders o join shipments s on s.order_id = o.id where s.state = 'late'",
    "select name, city from customers where city = 'Harbour'",
    "select p.name, sum(l.pieces) from products p join lines l on l.product = p.name group by p.name",
    "select customer from orders union select customer from returns",
    "select count(*) from returns where reason = 'broken'",
    "select role, count(*) from staff group by role",
    "with late as (select order_id from shipments where state = 'late') select count(*) from late",
)
_TABLES = ("orders", "customers", "products", "lines", "shipments", "returns")
_TEXTS = ("The parcel is on its way.", "Thank you for the order.", "We call back tomorrow.")


def _orders(pen: Pen) -> Turn:
    customer = pen.pick(*CUSTOMERS)
    query = f"select sum(cents) from orders where customer = '{customer}'"  # noqa: S608 - a story, run by nobody's code
    asks = (Ask("list_tables", {}, "database"), _read(query))
    return Turn(f"How much did {customer} order?", asks[pen.chance.randint(0, 1) :])


def _figures(pen: Pen) -> Turn:
    """The user wants figures; how to ask the database is left to the agent."""
    queries = pen.chance.sample(_FIGURES, k=pen.chance.randint(1, 3))
    tables = Ask("list_tables", {}, "database")
    return Turn("How did we do this week?", (tables, *map(_read, queries))[pen.chance.randint(0, 1) :])


def _mistyped(pen: Pen) -> Turn:
    """A column that is not there; the agent looks the table up, and asks again."""
    table = pen.pick(*_TABLES)
    described = Ask("describe_table", {"table_name": table}, "database")
    wrong, right = (_read(f"select {what} from {table}") for what in ("total_amount", "count(*)"))  # noqa: S608
    return Turn(f"How many {table} are there?", (wrong, described, right))


def _new_order(pen: Pen) -> Turn:
    customer = pen.pick(*CUSTOMERS)
    values = f"'{customer}', {100 * pen.chance.randint(1, 90)}"
    query = f"insert into orders (customer, cents) values ({values})"  # noqa: S608 - a story, run by nobody's code
    return Turn(f"Note a new order of {customer}.", (_write(query),))


def _moved(pen: Pen) -> Turn:
    customer, city = pen.pick(*CUSTOMERS), pen.pick("Harbour", "Hill", "Mill", "Market")
    query = f"update customers set city = '{city}' where name = '{customer}'"  # noqa: S608
    return Turn(f"{customer} moved to {city}.", (_write(query),))


def _pay(pen: Pen) -> Turn:
    customer, number = _an_invoice(pen)
    payment = _payment(number)
    listing = Ask("list_invoices", {"customer": customer}, "ledger")
    asks = (listing, *_looks(number), Ask("pay_invoice", payment, "ledger"))
    return Turn(f"Pay invoice {number} of {customer}, {payment['amount']} to {payment['recipient']}.", asks)


def _settle(pen: Pen) -> Turn:
    """The user names the customer only; what is paid to whom stands in the invoices."""
    customer = pen.pick(*CUSTOMERS)
    first = 100 * (1 + CUSTOMERS.index(customer))
    listing = Ask("list_invoices", {"customer": customer}, "ledger")
    numbers = [first + at for at in pen.some(1, 3)]
    return Turn(f"Pay what is open with {customer}.", (listing, *(_pays(number) for number in numbers)))


def _write_to(pen: Pen) -> Turn:
    customer, text = pen.pick(*CUSTOMERS), pen.pick(*_TEXTS)
    return Turn(f"Tell {customer}: {text}", (_finds(customer), _tells(customer, text)))


def _write_round(pen: Pen) -> Turn:
    """One customer after the other."""
    customers, text = pen.chance.sample(CUSTOMERS, k=pen.chance.randint(3, len(CUSTOMERS))), pen.pick(*_TEXTS)
    asks = [ask for customer in customers for ask in (_finds(customer), _tells(customer, text))]
    return Turn(f"Tell all of them: {text}", tuple(asks))


def _misspelt(pen: Pen) -> Turn:
    """A name as it was heard; the agent tries until one is known."""
    customer = pen.pick(*CUSTOMERS)
    heard = [customer[:-1], f"{customer}s", customer.lower(), customer.upper()]
    tries = pen.chance.sample(heard, k=pen.chance.randint(1, 3))
    return Turn(f"Where does {tries[0]} bank?", tuple(_finds(name) for name in (*tries, customer)))


def _overview(pen: Pen) -> Turn:
    customers = pen.chance.sample(CUSTOMERS, k=pen.chance.randint(3, len(CUSTOMERS)))
    asks = (Ask("list_invoices", {"customer": customer}, "ledger") for customer in customers)
    return Turn("What is open, with whom?", tuple(asks))


def _an_invoice(pen: Pen) -> tuple[str, int]:
    customer = pen.pick(*CUSTOMERS)
    return customer, 100 * (1 + CUSTOMERS.index(customer)) + pen.chance.randint(0, 2)


def _looks(number: int) -> tuple[Ask, ...]:
    """At an invoice; a second time where it was locked at the first look."""
    look = Ask("get_invoice", {"number": number}, "ledger")
    return (look, look) if number % 7 == 0 else (look,)


def _payment(number: int) -> dict[str, str | int]:
    found = invoice_of(number)
    return {name: found[name] for name in ("number", "recipient", "amount")}


def _pays(number: int) -> Ask:
    return Ask("pay_invoice", _payment(number), "ledger")


def _finds(customer: str) -> Ask:
    return Ask("find_customer", {"name": customer}, "ledger")


def _tells(customer: str, text: str) -> Ask:
    return Ask("send_message", {"to": customer, "text": text}, "ledger")


def _read(query: str) -> Ask:
    return Ask("read_query", {"query": query}, "database")


def _write(query: str) -> Ask:
    return Ask("write_query", {"query": query}, "database")


BOOKS: Mapping[str, Task] = {
    "orders": _orders,
    "figures": _figures,
    "mistyped": _mistyped,
    "new order": _new_order,
    "moved": _moved,
    "pay": _pay,
    "settle": _settle,
    "write to": _write_to,
    "write round": _write_round,
    "misspelt": _misspelt,
    "overview": _overview,
}
