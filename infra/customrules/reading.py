"""A Python rule's file, read without running it: what it is called, what it says of itself, its tests."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.custom import About, cited, rule_of, slug, texts_of
from ...models.detections.engine import Rule
from ...models.detections.engine.rule import SEVERITIES
from ...models.sigma import SigmaRuleError
from ...models.sigma.detection import tests_of
from .errors import PythonRuleError

__all__ = ["Source", "read_source"]

_SAID = frozenset({"TITLE", "SEVERITY", "VERSION", "BLIND", "FALSE_POSITIVES", "TRIAGE", "TAGS", "TESTS"})
_FUNCTIONS = frozenset({"rule", "title", "severity", "dedup", "context"})


@dataclass(frozen=True, slots=True)
class Source:
    """A rule and the text that judges."""

    rule: Rule
    text: str


def read_source(file: Path) -> Source:
    """Raises PythonRuleError D20 with what is missing."""
    try:
        text = file.read_text("utf-8")
        tree = ast.parse(text, str(file))
    except (OSError, ValueError, SyntaxError) as error:
        raise PythonRuleError(f"{file}: cannot be read as Python: {error}") from error
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "rule" not in functions:
        raise PythonRuleError(f"{file}: it defines no rule(call)", "triptych detections new --python shows one")
    for name in functions.keys() & _FUNCTIONS:
        if len(functions[name].args.args) != 1:
            raise PythonRuleError(f"{file}: {name} must take one argument, the call", f"def {name}(call):")
    said = _said(tree, file)
    try:
        return Source(_rule(file, text, said, ast.get_docstring(tree) or ""), text)
    except ValueError as error:
        raise PythonRuleError(f"{file}: {error}") from error
    except SigmaRuleError as error:
        raise PythonRuleError(f"{file}: {error.what}", error.hint) from error


def _said(tree: ast.Module, file: Path) -> dict[str, Any]:
    """The constants of a file, as far as they stand there literally."""
    said = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None or not isinstance(target, ast.Name):
            continue
        if (name := target.id) not in _SAID:
            continue
        try:
            said[name] = ast.literal_eval(node.value)
        except ValueError as error:
            raise PythonRuleError(f"{file}: {name} must be written out", "no names and no calls in it") from error
    return said


def _rule(file: Path, text: str, said: Mapping[str, Any], why: str) -> Rule:
    severity = str(said.get("SEVERITY", "medium"))
    if severity not in SEVERITIES:
        raise PythonRuleError(f"{file}: unknown severity {severity!r}", f"one of {', '.join(SEVERITIES)}")
    version = said.get("VERSION", 1)
    about = About(
        why=why,
        blind=str(said.get("BLIND", "")),
        false_positives=texts_of(said.get("FALSE_POSITIVES", ()), "FALSE_POSITIVES"),
        triage=texts_of(said.get("TRIAGE", ()), "TRIAGE"),
        attacks=cited(texts_of(said.get("TAGS", ()), "TAGS")),
        tests=tests_of(said.get("TESTS", ())),
    )
    return rule_of(
        f"python.{slug(file.stem)}",
        str(said.get("TITLE") or why.partition("\n")[0] or file.stem),
        severity,
        file=file,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        version=version if isinstance(version, int) else 1,
        about=about,
    )
