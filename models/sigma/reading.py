"""Sigma files to compiled rules. The only module that hands text to pySigma."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from .detection import Counted, Plain, counted, key_of, plain
from .errors import SigmaRuleError

__all__ = ["read_files", "read_texts"]


def read_files(files: Sequence[Path]) -> tuple[list[Plain], list[Counted]]:
    """Raises SigmaRuleError with the file and what is wrong with it."""
    texts = []
    for file in files:
        try:
            texts.append((file, file.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise SigmaRuleError(f"{file}: cannot be read: {error}") from error
    return read_texts(texts)


def read_texts(texts: Sequence[tuple[Path, str]]) -> tuple[list[Plain], list[Counted]]:
    """Rules by the file they stand in; they may refer to each other across files."""
    parsed: list[SigmaRule | SigmaCorrelationRule] = []
    files: dict[int, Path] = {}
    for file, text in texts:
        for rule in _parsed(file, text):
            parsed.append(rule)
            files[id(rule)] = file
    _refuse_doubles(parsed, files)
    try:
        collection = SigmaCollection(list(parsed))
    except SigmaError as error:
        raise SigmaRuleError(f"{', '.join(str(file) for file, _ in texts)}: {error}") from error
    plains = [
        _in(files[id(rule)], plain, rule, files[id(rule)]) for rule in collection.rules if isinstance(rule, SigmaRule)
    ]
    categories = {one.key: one.category for one in plains}
    correlations = [
        _in(files[id(rule)], counted, rule, files[id(rule)], categories)
        for rule in collection.rules
        if isinstance(rule, SigmaCorrelationRule)
    ]
    return plains, correlations


def _parsed(file: Path, text: str) -> list[Any]:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
        collection = SigmaCollection.from_dicts(documents, resolve_references=False)
    except (yaml.YAMLError, SigmaError, AttributeError, TypeError, RecursionError) as error:
        raise SigmaRuleError(f"{file}: {error}", "https://sigmahq.io/docs shows how a rule is written") from error
    if any("timeframe" in _detection(document) for document in documents):
        raise SigmaRuleError(f"{file}: timeframe is not supported", "a correlation counts within a time", code="D11")
    if collection.filters:
        raise SigmaRuleError(f"{file}: Sigma filters are not supported", "an exceptions file does this", code="D11")
    return list(collection.rules)


def _detection(document: Any) -> Any:
    return (document.get("detection") if isinstance(document, dict) else None) or {}


def _refuse_doubles(rules: Sequence[SigmaRule | SigmaCorrelationRule], files: dict[int, Path]) -> None:
    seen: dict[str, Path] = {}
    for rule in rules:
        name = key_of(rule)
        if name != "None" and name in seen:
            raise SigmaRuleError(f"{files[id(rule)]}: rule {name} stands in {seen[name]} already", code="D01")
        seen[name] = files[id(rule)]


def _in(file: Path, read: Any, *arguments: Any) -> Any:
    """Compile, with the file in front of what is wrong."""
    try:
        return read(*arguments)
    except SigmaRuleError as error:
        raise SigmaRuleError(f"{file}: {error.what}", error.hint, code=error.code) from error
    except (SigmaError, ValueError) as error:
        raise SigmaRuleError(f"{file}: {error}") from error
