"""Prompts to digests: enough to tell that an argument came from the user, nothing that tells what the user wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from ...models.digest import Keyring
from ..tokens import SHORTEST, tokens
from .conventions import USER_ROLE

__all__ = ["prompt_digests"]

_MOST = 256
_LONGEST = 65_536  # characters of one prompt
_NAME_LIKE = re.compile(r"[/.:@_\d-]")


def prompt_digests(messages: object, keyring: Keyring) -> tuple[str, ...]:
    """Digests of what the user said in `gen_ai.input.messages` (JSON text or a list): whole texts first, then tokens.

    At most 256; paths, hosts and other names before plain words. What assistants and tools said is no prompt.
    """
    texts = list(_user_texts(messages))
    found = dict.fromkeys(token for text in texts for token in tokens(text))
    ordered = sorted(found, key=lambda token: _NAME_LIKE.search(token) is None)
    values = dict.fromkeys([text for text in texts if len(text) >= SHORTEST] + ordered)
    return tuple(keyring.digest(value) for value in list(values)[:_MOST])


def _user_texts(messages: object) -> Iterator[str]:
    if isinstance(messages, str):
        try:
            messages = orjson.loads(messages)
        except ValueError:
            return
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict) or message.get("role") != USER_ROLE:
            continue
        parts = message.get("parts")
        for part in parts if isinstance(parts, list) else ():
            content = part.get("content") if isinstance(part, dict) else None
            if isinstance(content, str):
                yield content[:_LONGEST].strip()
