"""Reading one TOML table strictly: every key is asked for, every other key is refused with the allowed ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

from .errors import RuleError

__all__ = ["Table"]

V = TypeVar("V")
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a table"}


class Table:
    """One table of one file; `where` says which, for messages. Keys are taken one by one, then `done`."""

    def __init__(self, data: object, file: Path, where: str) -> None:
        self.file = file
        self.where = where
        if not isinstance(data, dict):
            raise self.error(f"{where or 'the file'} must be a table, not {type(data).__name__}")
        self._data: dict[str, Any] = data
        self._asked: set[str] = set()

    def error(self, what: str, hint: str = "") -> RuleError:
        return RuleError(f"{self.file}: {what}", hint)

    def at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._data

    def get(self, key: str, kind: type[V], default: V) -> V:
        """The value of `key`, or `default`. A whole number also serves as a number."""
        if not self.has(key):
            return default
        value = self._data[key]
        if kind is float and type(value) is int:
            return cast(V, float(value))
        if type(value) is not kind:
            raise self.error(f"{self.at(key)} must be {_WORDS[kind]}, not {type(value).__name__} ({value!r})")
        return value

    def need(self, key: str, kind: type[V]) -> V:
        if not self.has(key):
            raise self.error(f"{self.at(key)} is missing", f"a rule needs {key} ({_WORDS[kind]})")
        value = self.get(key, kind, cast(V, None))
        if kind in (str, list) and not value:
            raise self.error(f"{self.at(key)} is empty")
        return value

    def choice(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.need(key, str) if default is None else self.get(key, str, default)
        if value not in (options := tuple(allowed)):
            raise self.error(f"{self.at(key)}: unknown value {value!r}", f"allowed: {', '.join(options)}")
        return value

    def texts(self, key: str, *, need: bool = False) -> tuple[str, ...]:
        values = self.need(key, list) if need else self.get(key, list, [])
        if wrong := [value for value in values if not isinstance(value, str)]:
            raise self.error(f"{self.at(key)} must list texts, not {wrong[0]!r}")
        return tuple(values)

    def tables(self, key: str) -> list[Table]:
        """The tables of a list of tables."""
        entries = enumerate(self.get(key, list, []))
        return [Table(entry, self.file, f"{self.at(key)}[{index}]") for index, entry in entries]

    def table(self, key: str) -> Table:
        """The table under `key`, empty where it is absent."""
        return Table(self.get(key, dict, {}), self.file, self.at(key))

    def rest(self) -> list[str]:
        """Keys nobody asked for yet, in the file's order."""
        return [key for key in self._data if key not in self._asked]

    def raw(self, key: str) -> Any:
        self._asked.add(key)
        return self._data[key]

    def without(self, keys: Collection[str]) -> Table:
        """The same table without these keys, nothing of it asked for yet."""
        return Table({key: value for key, value in self._data.items() if key not in keys}, self.file, self.where)

    def done(self, allowed: Iterable[str] = ()) -> None:
        """Refuse what nobody asked for."""
        if unknown := self.rest():
            options = sorted({*self._asked, *allowed})
            raise self.error(f"{self.at(unknown[0])}: unknown key", f"allowed: {', '.join(options)}")
