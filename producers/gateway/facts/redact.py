"""Arguments and results to facts: kinds, sizes, keyed digests, origins, secret families. No value passes this file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from ....models.text import clean
from ...tokens import SHORTEST
from ..observer.parse import compact
from .disguise import plain
from .names import Names
from .origins import Origins
from .secrets import find_secrets
from .values import Place, absolute, host_of, kind_of, parts, spellings
from .walk import Leaf, Link, path

if TYPE_CHECKING:
    from ....models.digest import Keyring
    from ....models.events import JsonType, ValueKind
    from .fields import ArgumentFields, ResultFields, SecretFields
    from .origins import Seen

__all__ = ["Redactor", "Sensitivity"]

Sensitivity = Callable[[str], str | None]
_MOST_SECRETS = 32
_MOST_CONTENT = 4096
_POINTER = 512
_KEY = 128
_TYPES: dict[type, JsonType] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Redactor:
    """Facts of one server's messages. `sensitivity` names the class of an absolute path, None for an ordinary one."""

    def __init__(self, keyring: Keyring, place: Place, sensitivity: Sensitivity | None) -> None:
        self._digest = keyring.digest
        self._place = place
        self._sensitivity = sensitivity
        self._member = lru_cache(1024)(self._part)  # names repeat; what is longer than one is not kept
        self.named = Names(keyring.digest)
        self.origins = Origins()

    def arguments(self, leaves: Iterable[Leaf], conversation: str) -> list[ArgumentFields]:
        """One fact for each scalar."""
        seen = self.origins.of(conversation)
        facts: list[ArgumentFields] = []
        for key, value, link in leaves:
            if type(value) is str:  # no subclass comes out of JSON
                fact = self._text(key[-_KEY:], value, seen)
            else:
                text = compact(value)
                fact = {"type": _TYPES[type(value)], "size": len(text), "digests": (self._digest(text),)}
            fact["pointer"] = self.pointer(link)
            facts.append(fact)
        return facts

    def secrets(self, leaves: Iterable[Leaf], root: str = "") -> list[SecretFields]:
        """The first 32 secret-like values among `leaves`; their pointers start at `root`."""
        facts: dict[tuple[str, str, str], None] = {}
        for key, value, link in leaves:
            if isinstance(value, str) and len(facts) < _MOST_SECRETS:
                for family, secret in islice(find_secrets(value, key), _MOST_SECRETS):
                    facts[family, self.pointer(link, root), self._digest(secret)] = None
        return [
            {"family": family, "pointer": pointer, "digest": digest}
            for family, pointer, digest in islice(facts, _MOST_SECRETS)
        ]

    def result(self, result: dict[str, Any]) -> ResultFields:
        """Counts, size and digest of a result. Lists of other methods count as items."""
        content = result.get("content")
        items = content if type(content) is list else []
        kinds = {item["type"] for item in items[:_MOST_CONTENT] if type(item) is dict and type(item.get("type")) is str}
        text = compact(result)
        return {
            "content_types": sorted({self.named(kind, 64) for kind in kinds})[:16],
            "items": len(items),
            "size": len(text),
            "digest": self._digest(text),
            "structured": "structuredContent" in result,
        }

    def pointer(self, link: Link, root: str = "") -> str:
        """RFC 6901 pointer, at most 512 characters; a member name that looks secret stands as its digest."""
        if link is not None and link[0] is None and not root:
            name = link[1]
            return self._part(name) if isinstance(name, str) and len(name) > _KEY else self._member(name)
        found: list[str] = [root]
        length = 0
        for part in path(link):
            found.append(self._part(part))
            length += len(found[-1])
            if length > _POINTER:
                break
        return clean("".join(found), _POINTER)

    def _part(self, name: str | int) -> str:
        return "/" + self.named(str(name)).replace("~", "~0").replace("/", "~1")

    def _class_of(self, value: str, kind: ValueKind, forms: Sequence[str]) -> str | None:
        """The class of what a value names; of a path also with its percent signs read as a server may read them."""
        if self._sensitivity is None:
            return None
        if kind != "path":
            return self._sensitivity(host_of(value, kind))
        found = self._sensitivity(forms[-1])
        if found is None and "%" in value:
            return self._sensitivity(absolute(plain(value), self._place)[1])
        return found

    def _text(self, key: str, value: str, seen: Seen | None) -> ArgumentFields:
        kind = kind_of(value, key)
        forms = spellings(value, kind, self._place)
        fact: ArgumentFields = {
            "type": "string",
            "kind": kind,
            "size": len(compact(value)),
            "digests": tuple(map(self._digest, forms)) or (self._digest(""),),
        }
        if kind != "text" and (found := self._class_of(value, kind, forms)) is not None:
            fact["sensitivity"] = found
        if len(value) >= SHORTEST:
            call_id = None
            if seen is not None:
                call_id = seen.any(forms) or (seen.any(parts(value, kind)) if kind != "text" else None)
            fact["origin"] = "none" if call_id is None else "result"
            if call_id is not None:
                fact["origin_call"] = call_id
        return fact
