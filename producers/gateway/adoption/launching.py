"""How a client would reach a server of its file without a gateway: what to launch, or what to dial. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ....models.text import clean
from .entry import strings, text_of
from .errors import ClientFileError
from .jsonc import Node
from .routes import Routes
from .shapes import entries
from .wrapping import unwrap

__all__ = ["Reached", "reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A command with its environment, or a URL with its headers."""

    name: str
    command: tuple[str, ...] = ()
    environment: dict[str, str]
    url: str = ""
    headers: dict[str, str]


def reached(text: str, routes: Routes, name: str = "") -> Reached:
    """The server `name` of a client's file, or its only one. Raises ClientFileError G26."""
    found = [entry for entry in entries(unwrap(text, routes).text) if name in ("", entry.name)]
    if len(found) != 1:
        raise ClientFileError(f"the file has {len(found)} servers to choose from", "name one by --server", code="G26")
    (entry,) = found
    command = text_of(entry.node.member("command")) or ""
    args = strings(entry.node.member("args")) or []
    known = Reached(
        name=entry.name,
        command=(command, *args) if command else (),
        environment=_texts(entry.node.member("env")),
        url=text_of(entry.node.member("url")) or "",
        headers=_texts(entry.node.member("headers")),
    )
    if not (known.command or known.url):
        raise ClientFileError(
            f"{clean(entry.name)} has neither command nor url", "give its command behind --", code="G26"
        )
    if any("${" in one for one in (*known.command, known.url, *known.environment.values(), *known.headers.values())):
        raise ClientFileError(
            f"{clean(entry.name)} has variables that only its client knows", "give its command behind --", code="G26"
        )
    return known


def _texts(node: Node | None) -> dict[str, str]:
    members = node.members if node is not None else ()
    return {member.name.text: member.value.text for member in members if member.value.kind == "string"}
