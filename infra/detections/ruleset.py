"""Everything that judges by rule: the shipped rules, and those in an operator's folders in their three forms.

Where a folder holds `rules.sha256` (lines of `sha256sum`), each of its rules must stand there with its hash: who can
write rules but not the pins can change nothing. What is hidden, as the folders behind a ConfigMap are, is not read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...models.detections.engine import Rule, Rulebook, RuleError
from ...models.detections.engine.rule import read_rule
from ...models.errors import ConfigError, TriptychError
from ...models.sigma import SigmaRuleError, SigmaRules
from ..customrules.errors import PythonRuleError
from ..customrules.reading import Source, read_source

__all__ = ["KINDS", "PINS", "Aside", "PinError", "Ruleset", "digests", "pins_of", "rule_files"]

PINS = "rules.sha256"
KINDS = (".toml", ".py", ".yml", ".yaml")

Found = TypeVar("Found")
Aside = Callable[[Path, TriptychError], None]
"""Hears of a file that cannot be meant and is left out, and why."""


class PinError(TriptychError):
    """D21: a rule that is not pinned, or not as it was pinned."""

    code = "D21"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`digests`: SHA-256 by file of the operator's rules. `pinned`: the folders that hold pins."""

    book: Rulebook
    sigma: SigmaRules = field(default_factory=lambda: SigmaRules((), ()))
    python: tuple[Source, ...] = ()
    digests: Mapping[Path, str] = field(default_factory=dict)
    pinned: frozenset[Path] = frozenset()

    @classmethod
    def load(
        cls, folders: Sequence[Path] = (), *, pinned: Collection[Path] = (), aside: Aside | None = None
    ) -> Ruleset:
        """`pinned`: folders that must hold pins. Without `aside` one file that cannot be meant refuses all. Raises
        PinError D21, RuleError D01, D02, SigmaRuleError D10 to D12, PythonRuleError D20, ConfigError."""
        found = digests(folders)
        held = frozenset(folder for folder in folders if (folder / PINS).is_file() or folder in pinned)
        for folder in held:
            _check_pins(folder, found)
        book = Rulebook.load()
        taken = {rule.id: rule.file for rule in book.rules}
        if own := _each((file for file in found if file.suffix == ".toml"), partial(_toml, taken), aside):
            book = Rulebook([*book.rules, *own])
        sigma = _sigma([file for file in found if file.suffix in (".yml", ".yaml")], aside)
        sources = _each((file for file in found if file.suffix == ".py"), partial(_python, {}), aside)
        return cls(book, sigma, sources, found, held)

    @property
    def own(self) -> tuple[Rule, ...]:
        """The operator's rules, in order of their id."""
        mine = [rule for rule in self.book.rules if rule.file in self.digests]
        mine += [*self.sigma.rules, *(source.rule for source in self.python)]
        return tuple(sorted(mine, key=lambda rule: rule.id))

    @property
    def every(self) -> tuple[Rule, ...]:
        """The shipped rules and the operator's, in order of their id."""
        rules = {rule.id: rule for rule in (*self.book.rules, *self.own)}
        return tuple(rules[identifier] for identifier in sorted(rules))


def rule_files(folder: Path) -> Iterator[Path]:
    """Every file of a folder that is a rule by its name; none that is hidden or stands in a hidden folder."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in KINDS and file.is_file())
    return (file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def digests(folders: Sequence[Path]) -> dict[Path, str]:
    """SHA-256 by file. Raises ConfigError for a folder that is none."""
    found: dict[Path, str] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is no folder of rules", "set findings.rules to folders with rules")
        found |= {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in rule_files(folder)}
    return found


def pins_of(folder: Path, found: Mapping[Path, str]) -> bytes:
    """The pins of a folder's rules as they are now, in the form of sha256sum."""
    lines = [f"{digest}  {file.relative_to(folder)}\n" for file, digest in found.items() if file.is_relative_to(folder)]
    return "".join(lines).encode()


def _each(files: Iterable[Path], read: Callable[[Path], Found], aside: Aside | None) -> tuple[Found, ...]:
    found = []
    for file in files:
        try:
            found.append(read(file))
        except TriptychError as error:
            if aside is None:
                raise
            aside(file, error)
    return tuple(found)


def _toml(taken: dict[str, Path], file: Path) -> Rule:
    """`taken`: by id the file that has it already."""
    rule = read_rule(file)
    if (other := taken.setdefault(rule.id, file)) != file:
        raise RuleError.doubled(rule.id, other, file)
    return rule


def _python(taken: dict[str, Path], file: Path) -> Source:
    source = read_source(file)
    if (other := taken.setdefault(source.rule.id, file)) != file:
        message = f"rule {source.rule.id} stands in {other} and in {file}"
        raise PythonRuleError(message, "give one of the files another name")
    return source


def _sigma(files: list[Path], aside: Aside | None) -> SigmaRules:
    """They may refer to each other, so all are read together, without those that are at fault."""
    try:
        return SigmaRules.read(files)
    except SigmaRuleError as error:
        if aside is None:
            raise
        if bad := [file for file in files if error.what.startswith(f"{file}:")]:
            aside(bad[0], error)
            return _sigma([file for file in files if file not in bad], aside)
    alone = _each(files, lambda file: (file, SigmaRules.read([file])), aside)
    return SigmaRules.read([file for file, _ in alone])


def _check_pins(folder: Path, found: Mapping[Path, str]) -> None:
    pins = folder / PINS
    try:
        lines = pins.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise PinError(f"{pins} cannot be read: {error}", "triptych detections pin writes it") from error
    pinned = {line[66:]: line[:64] for line in lines if len(line) > 66}
    for file, digest in found.items():
        if file.is_relative_to(folder) and pinned.get(str(file.relative_to(folder))) != digest:
            raise PinError(f"{file} is not what {pins} pins", "look at the change, then: triptych detections pin")
