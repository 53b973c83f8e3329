"""Where MCP clients keep their servers: Claude Desktop, Claude Code, VS Code, Cursor, Inspector. Pure.

Read from what the clients document; a file of any other shape is refused with what was found in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....models.text import clean, plural
from .errors import ClientFileError
from .jsonc import JsoncError, Node, parse

__all__ = ["Entry", "entries"]

_ANY = "*"
_TABLES = (
    ("mcpServers",),  # Claude Desktop, Claude Code, Cursor, Inspector, the portable .mcp.json
    ("servers",),  # VS Code's mcp.json
    ("mcp", "servers"),  # VS Code's settings.json
    ("projects", _ANY, "mcpServers"),  # Claude Code's own file: servers of one folder
)
_NAMED = 8  # names of a refused file that an error shows


@dataclass(frozen=True, slots=True)
class Entry:
    """One server in a client's file; `table` says where, for example `projects./srv.mcpServers`."""

    table: str
    name: str
    node: Node


def entries(text: str) -> tuple[Entry, ...]:
    """Every server of a client's file, in its order. Raises ClientFileError G25 for any other file."""
    try:
        root = parse(text)
    except JsoncError as error:
        raise ClientFileError(
            f"this is no JSON: {error}", "mend the file; comments and trailing commas are fine"
        ) from None
    if root.kind != "object":
        raise ClientFileError(f"these are no client settings: the file holds one {root.kind}", _hint())
    tables = [found for path in _TABLES for found in _tables(root, path, ())]
    if not tables:
        names = [clean(member.name.text, 40) for member in root.members[:_NAMED]]
        found = f"its names are {', '.join(names)}" if names else "it is empty"
        raise ClientFileError(f"these are no settings of a client we know: {found}", _hint())
    return tuple(entry for name, table in tables for entry in _entries(name, table))


def _tables(node: Node, path: tuple[str, ...], walked: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    """Every node at `path` under `node`, with its name."""
    if not path:
        yield ".".join(walked), node
        return
    if node.kind != "object":
        return
    for member in node.members:
        if path[0] in (member.name.text, _ANY):
            yield from _tables(member.value, path[1:], (*walked, member.name.text))


def _entries(name: str, table: Node) -> Iterator[Entry]:
    if table.kind != "object":
        raise ClientFileError(f"{clean(name)} is no table of servers but one {table.kind}", _hint())
    if twice := table.repeated:
        times = plural(len(twice), "server")
        raise ClientFileError(f"{clean(name)} names {times} twice: {clean(twice[0], 40)}", "remove one of the two")
    yield from (Entry(name, member.name.text, member.value) for member in table.members)


def _hint() -> str:
    return "servers stand under " + ", ".join(".".join(path) for path in _TABLES)
