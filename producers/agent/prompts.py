"""Prompts to digests: enough to tell that an argument came from the prompt, nothing that tells what it says.

What the user and the operator of the agent said counts; what models and tools said never does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from ...models.digest import Keyring
from ..tokens import SHORTEST, tokens
from . import conventions as names

__all__ = ["event_texts", "prompt_digests", "prompt_texts"]

_MOST = 256
_LONGEST = 65_536  # characters of one text
_NAME_LIKE = re.compile(r"[/.:@_\d-]")
_QUOTED = re.compile(r"\"([^\"\n]{4,200})\"|'([^'\n]{4,200})'|`([^`\n]{4,200})`|“([^”\n]{4,200})”")


def prompt_digests(texts: Iterable[str], keyring: Keyring) -> tuple[str, ...]:
    """Digests of these texts: first the whole ones, then what they quote, then tokens.

    At most 256; paths, hosts and other names before plain words.
    """
    kept = [text[:_LONGEST].strip() for text in texts]
    quoted = ["".join(found).strip() for text in kept for found in _QUOTED.findall(text)]
    found = dict.fromkeys(token for text in kept for token in tokens(text))
    ordered = sorted(found, key=lambda token: _NAME_LIKE.search(token) is None)
    values = dict.fromkeys([text for text in (*kept, *quoted) if len(text) >= SHORTEST] + ordered)
    return tuple(keyring.digest(value) for value in list(values)[:_MOST])


def prompt_texts(attributes: Mapping[str, Any]) -> Iterator[str]:
    """What the prompt says in the attributes of a span, of a span's event or of a log record: texts of users and of
    the system in messages, and system instructions."""
    for message in _listed(attributes.get(names.INPUT_MESSAGES)):
        if isinstance(message, dict) and message.get("role") in names.PROMPT_ROLES:
            yield from _parts(message.get("parts", message.get("content")))
    yield from _parts(attributes.get(names.SYSTEM_INSTRUCTIONS))


def event_texts(name: str, attributes: Mapping[str, Any], body: object = None) -> Iterator[str]:
    """What the prompt says in an event of this name; older conventions have an event for each message, with its
    content in the body or among the attributes."""
    if name in names.DETAIL_EVENTS:
        yield from prompt_texts({**attributes, **(body if isinstance(body, dict) else {})})
    elif name in names.PROMPT_EVENTS:
        holder = body if isinstance(body, dict) else attributes
        yield from _parts(holder.get("content", body if isinstance(body, str) else None))


def _listed(told: object) -> list[Any]:
    """A list, or JSON text of one."""
    if isinstance(told, str):
        try:
            told = orjson.loads(told)
        except ValueError:
            return []
    return told if isinstance(told, list) else []


def _parts(told: object) -> Iterator[str]:
    """The texts of message parts: a plain text, or a list of parts, which may stand as JSON."""
    parts = _listed(told)
    if not parts and isinstance(told, str):
        yield told
    for part in parts:
        content = part.get("content", part.get("text")) if isinstance(part, dict) else part
        if isinstance(content, str):
            yield content
