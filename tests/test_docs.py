"""Documentation is tested: every command teaches by example, every error code is explained in one README, once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from triptych.infra.cli.main import app
from triptych.infra.settings import Settings
from triptych.infra.topics import wanted

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("producers", "streams", "models", "infra")
READMES = [
    ROOT / "README.md",
    *(path for folder in (*LAYERS, "avro", "bpf") for path in (ROOT / folder).rglob("README.md")),
]
TEXT = "\n".join(path.read_text() for path in READMES)
CODE = re.compile(r"(?:^|^triptych[ -]\w+: )([A-Z]\d\d)(?: |$)")


def _commands(command: Any, name: str = "triptych") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name."""
    if not hasattr(command, "list_commands"):
        yield name, command
        return
    for child in command.list_commands(None):
        yield from _commands(command.get_command(None, child), f"{name} {child}")


def _codes() -> Iterator[tuple[str, str]]:
    """Every error code of the sources with its room: a text that is a code, or prints one behind a program's name."""
    for code in re.findall(r'echo "([A-Z]\d\d) ', (ROOT / "infra" / "bootstrap").read_text()):
        yield code, "infra/bootstrap"
    for path in (path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and (found := CODE.search(str(node.value))):
                yield found[1], "/".join(path.relative_to(ROOT).parts[:2])


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_with_an_example_and_stands_in_a_readme(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert re.search(r"Example: .*\btriptych\b", text), "help teaches by example"
    assert name in TEXT, f"{name} stands in no README"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    options = [option for option in COMMANDS[name].params if option.name != "help"]
    assert [option.name for option in options if not getattr(option, "help", None)] == []


def test_every_error_code_is_explained_exactly_once() -> None:
    rows = Counter(re.findall(r"^\| `([A-Z]\d\d)` \|", TEXT, re.MULTILINE))
    used = {code for code, _ in _codes()}
    assert used - rows.keys() == set(), "a README's table must explain it: | `K01` | what happened | what to do |"
    assert rows.keys() - used == set(), "no code raises it any more"
    assert [code for code, times in rows.items() if times > 1] == []


def test_an_error_code_belongs_to_one_layer() -> None:
    """A code that two layers raise would mean two things; a broker that does not answer (K01) is the same for all."""
    layers: dict[str, set[str]] = {}
    for code, room in _codes():
        layers.setdefault(code, set()).add(room if room.startswith("producers/") else room.partition("/")[0])
    assert {code: sorted(where) for code, where in layers.items() if len(where) > 1 and code != "K01"} == {}


@pytest.mark.parametrize("topic", [topic.name for topic in wanted(4)])
def test_every_topic_stands_in_a_readme(topic: str) -> None:
    assert f"`{topic}`" in TEXT


@pytest.mark.parametrize("section", Settings.model_fields)
def test_every_section_of_the_settings_stands_in_a_readme(section: str) -> None:
    assert f"`[{section}]`" in TEXT


def test_every_link_between_our_documents_leads_somewhere() -> None:
    documents = [*READMES, *(ROOT / "infra" / "decisions").glob("*.md"), ROOT / "CHANGELOG.md"]
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target in re.findall(r"\]\(([^)#:\s]+)\)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert dead == []
