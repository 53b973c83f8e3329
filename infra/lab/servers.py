"""Which servers there are, ours and those of others, and the command that starts each."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..conformance import peers
from ..demo.repository import make_repository
from ..demo.world import World
from .implants import IMPLANTS
from .ledger import ACCOUNTS
from .script import GOOD

__all__ = ["HTTP", "STDIO", "command", "database", "desk", "furnish", "ledger"]

STDIO = ("desk", "files", "git", "database", "web", "time")
HTTP = "ledger"
_ISOLATED = "metadata"
"""The build that runs in a network of its own, where the cloud's address is only its own."""
_NAMESPACE = 'ip link set lo up && ip addr add 169.254.169.254/32 dev lo && exec "$@"'
_ARCHIVED = 120
_LINES = 6000
_PRODUCTS = ("rope", "canvas", "tar", "oakum")
_TABLES = """
create table orders (id integer primary key, customer text, cents integer);
create table customers (name text, city text);
create table products (name text, cents integer);
create table lines (order_id integer, product text, pieces integer);
create table shipments (order_id integer, state text);
create table returns (customer text, reason text);
create table staff (id integer primary key, name text, role text, salary integer, token text);
"""


def database(world: World) -> Path:
    return world.workspace / "data" / "app.db"


def furnish(world: World) -> None:
    """What the servers work on beside the demo's world: a repository, a database, old reports, a large file."""
    make_repository(world.repository, world.home)
    for folder in ("data", "archive", "inbox"):
        (world.workspace / folder).mkdir()
    for number in range(_ARCHIVED):
        (world.workspace / "archive" / f"case-{number:03d}.md").write_text(f"# Case {number}\nClosed in good order.\n")
    rows = "".join(f"{line},{line * 7 % 1000},{line * 13 % 97}\n" for line in range(_LINES))
    (world.workspace / "data" / "meters.csv").write_text(f"meter,value,unit\n{rows}")
    _fill(database(world))


def _fill(file: Path) -> None:
    """The tables of a small trading house."""
    customers = sorted(ACCOUNTS)
    connection = sqlite3.connect(file)
    with connection:
        connection.executescript(_TABLES)
        insert = connection.executemany
        insert("insert into customers values (?, 'Harbour')", [(name,) for name in customers])
        insert("insert into products values (?, ?)", [(name, 5) for name in _PRODUCTS])
        orders = [(customers[number % len(customers)], 100 * number) for number in range(60)]
        insert("insert into orders (customer, cents) values (?, ?)", orders)
        insert("insert into lines values (?, ?, 3)", [(at + 1, _PRODUCTS[at % len(_PRODUCTS)]) for at in range(60)])
        insert("insert into shipments values (?, ?)", [(at + 1, "late" if at % 9 == 0 else "sent") for at in range(60)])
        insert("insert into returns values (?, 'broken')", [(name,) for name in customers[:3]])
        connection.execute("insert into staff (name, role, salary, token) values ('Ada', 'driver', 1, 'canary')")
    connection.close()


def desk(world: World, truth: Path, release: str = GOOD, on: str = "") -> list[str]:
    """The command line of our server over stdio, in one of its builds."""
    argv = [sys.executable, "-m", f"{__package__}.desk", "--world", str(world.root / "world.json")]
    argv += ["--truth", str(truth), "--build", release, *(("--on", on) if release in IMPLANTS else ())]
    if release != _ISOLATED:
        return argv
    return ["unshare", "--net", "--", "sh", "-c", _NAMESPACE, "sh", *argv, "--alone"]


def command(server: str, world: World, own: Mapping[str, Sequence[str]]) -> list[str]:
    """The command line of any other server over stdio; in one of the `own` {workspace} stands for the folder that all
    of them work on. Raises ProgramError P02 where somebody else's is not installed."""
    if server in own:
        return [word.replace("{workspace}", str(world.workspace)) for word in own[server]]
    return _OTHERS[server](world)


def ledger(port: int) -> list[str]:
    """The command line of the server over HTTP."""
    return [sys.executable, "-m", f"{__package__}.ledger", "--port", str(port)]


_OTHERS: dict[str, Callable[[World], list[str]]] = {
    "files": lambda world: [*peers.node("mcp-server-filesystem"), str(world.workspace)],
    "git": lambda world: [peers.python("mcp-server-git"), "--repository", str(world.repository)],
    "database": lambda world: [
        peers.python("mcp-server-sqlite", peers.PYTHON_LEGACY),
        "--db-path",
        str(database(world)),
    ],
    "web": lambda world: [peers.python("mcp-server-fetch"), "--allow-private-ips", "--ignore-robots-txt"],
    "time": lambda world: [peers.python("mcp-server-time"), "--local-timezone", "UTC"],
}
