"""What the workbench's tools do: plain file and HTTP work, as such tools do it."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

from .world import World

__all__ = ["fetch_page", "list_directory", "post_report", "read_file", "search_notes", "write_note"]

_MOST_NOTES = 6
_TIMEOUT_S = 5


def search_notes(world: World, topic: str, query: str) -> list[str]:
    """Titles of the newest notes on a topic that contain the query."""
    folder = world.workspace / "notes" / _slug(topic)
    notes = sorted(folder.iterdir(), reverse=True)[:_MOST_NOTES]
    return [note.stem for note in notes if query.lower() in note.read_text().lower()]


def write_note(world: World, topic: str, title: str, body: str) -> str:
    """Write a note and say where."""
    path = world.workspace / "notes" / _slug(topic) / f"{_slug(title)}.md"
    path.write_text(f"# {title}\n{body}\n")
    return str(path.relative_to(world.workspace))


def read_file(world: World, path: str) -> str:
    """The text of a file."""
    return world.locate(path).read_text()


def list_directory(world: World, path: str) -> list[str]:
    """Names in a folder of the workspace."""
    return sorted(entry.name for entry in world.locate(path).iterdir())


def fetch_page(url: str) -> str:
    """The text of a web page."""
    return _request("GET", url)


def post_report(url: str, text: str) -> str:
    """Send a text to a report hub."""
    return _request("POST", url, text)


def _request(method: str, url: str, body: str | None = None) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_TIMEOUT_S)
    try:
        connection.request(method, parts.path or "/", body=None if body is None else body.encode())
        response = connection.getresponse()
        return response.read().decode() or f"{response.status} {response.reason}"
    finally:
        connection.close()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
