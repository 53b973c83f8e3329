"""Arguments and results to facts: kinds, sizes, keyed digests, origins, secret families. No value passes this file."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from ....models.digest import Keyring
from ....models.events import ArgumentFact, JsonType, Origin, ResultFact, SecretFact
from ....models.text import clean
from ...tokens import SHORTEST
from ..observer.parse import compact
from .budget import Budget
from .names import Names
from .origins import Origins
from .secrets import find_secrets
from .values import Place, absolute, kind_of, spellings
from .walk import Leaf, leaves

__all__ = ["Redactor", "Sensitivity"]

Sensitivity = Callable[[str], str | None]
_MOST_ARGUMENTS = 128
_MOST_SECRETS = 32
_MOST_CONTENT = 4096
_POINTER = 512
_KEY = 128
_TYPES: dict[type, JsonType] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Redactor:
    """Facts of one server's messages. `sensitivity` names the class of an absolute path, None for an ordinary one."""

    def __init__(self, keyring: Keyring, place: Place, sensitivity: Sensitivity | None) -> None:
        self._digest = keyring.digest
        self.named = Names(keyring.digest)
        self._place = place
        self._sensitivity = sensitivity
        self._origins = Origins()

    def arguments(self, arguments: object, conversation: str) -> tuple[ArgumentFact, ...]:
        """One fact for each of the first 128 scalars."""
        facts: list[ArgumentFact] = []
        for leaf in leaves(arguments):
            if len(facts) == _MOST_ARGUMENTS:
                break
            facts.append(self._argument(leaf, conversation))
        return tuple(facts)

    def secrets(
        self, message: object, budget: Budget, shown_by: tuple[str, str] | None = None
    ) -> tuple[SecretFact, ...]:
        """The first 32 secret-like values anywhere in a message, as far as `budget` reaches.

        `shown_by` (conversation and call_id) has the same texts remembered, to recognise them in later arguments.
        """
        facts: dict[SecretFact, None] = {}
        for leaf in budget.leaves(message):
            if not isinstance(leaf.value, str):
                continue
            text = budget.take(leaf.value)
            if shown_by:
                self._origins.remember(*shown_by, text)
            if len(facts) < _MOST_SECRETS:
                facts |= self._found(text, leaf)
        return tuple(facts)[:_MOST_SECRETS]

    def _found(self, text: str, leaf: Leaf) -> dict[SecretFact, None]:
        return {
            SecretFact(family=family, pointer=self.pointer(leaf), digest=self._digest(value)): None
            for family, value in islice(find_secrets(text, leaf.key), _MOST_SECRETS)
        }

    def result(self, result: dict[str, Any]) -> ResultFact:
        """Counts, size and digest of a result. Lists of other methods count as items."""
        content = result.get("content")
        items = content if isinstance(content, list) else []
        kinds = {
            self.named(item["type"], 64)
            for item in items[:_MOST_CONTENT]
            if isinstance(item, dict) and isinstance(item.get("type"), str)
        }
        text = compact(result)
        return ResultFact(
            content_types=tuple(sorted(kinds)[:16]),
            items=len(items),
            size=len(text),
            digest=self._digest(text),
            structured="structuredContent" in result,
        )

    def pointer(self, leaf: Leaf) -> str:
        """RFC 6901 pointer, at most 512 characters; a member name that looks secret stands as its digest."""
        parts: list[str] = []
        length = 0
        for part in leaf.path:
            parts.append(self.named(part).replace("~", "~0").replace("/", "~1"))
            length += len(parts[-1]) + 1
            if length > _POINTER:
                break
        return clean("".join("/" + part for part in parts), _POINTER)

    def _argument(self, leaf: Leaf, conversation: str) -> ArgumentFact:
        value = leaf.value
        if not isinstance(value, str):
            text = compact(value)
            return ArgumentFact(
                pointer=self.pointer(leaf), type=_TYPES[type(value)], size=len(text), digests=(self._digest(text),)
            )
        kind = kind_of(value, leaf.key[-_KEY:])
        forms = spellings(value, kind, self._place)
        origin, origin_call = self._origin(value, forms, conversation)
        return ArgumentFact(
            pointer=self.pointer(leaf),
            type="string",
            kind=kind,
            size=len(compact(value)),
            digests=tuple(map(self._digest, forms)) or (self._digest(""),),
            sensitivity=self._sensitivity(absolute(value, self._place)[1])
            if kind == "path" and self._sensitivity
            else None,
            origin=origin,
            origin_call=origin_call,
        )

    def _origin(self, value: str, forms: tuple[str, ...], conversation: str) -> tuple[Origin, str | None]:
        if len(value) < SHORTEST:
            return "unknown", None
        call_id = self._origins.find(conversation, forms)
        return ("none", None) if call_id is None else ("result", call_id)
