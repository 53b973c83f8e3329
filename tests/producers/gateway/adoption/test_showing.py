"""A diff shows what wrapping does and gives no secret away."""

from __future__ import annotations

import json

import pytest
from client_files import GOLDEN, LAUNCHER, SHAPES, client_files
from hypothesis import given

from triptych.producers.gateway.adoption.routes import Routes
from triptych.producers.gateway.adoption.showing import difference, shown, shown_settings
from triptych.producers.gateway.adoption.wrapping import wrap

CANARY = "CANARY7f3a"


def _difference(text: str) -> str:
    after = wrap(text, LAUNCHER, Routes({}, "/run"), force=True).text
    return "\n".join(difference(shown(text), shown(after), "settings.json"))


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "x", "env": {"API_KEY": CANARY, CANARY.lower() + "x" * 20 + "Zq81Lk0P": "a"}},
        {"command": "x", "args": ["--api-key", CANARY]},
        {"command": "x", "args": [f"--token={CANARY}"]},
        {"command": "x", "args": ["-e", f"DB={CANARY}"]},
        {"command": "x", "args": ["--header", f"Authorization: Bearer {CANARY}"]},
        {"command": "x", "args": [f"https://ann:{CANARY}@example.org/?key={CANARY}#{CANARY}"]},
        {"command": "x", "args": ["ghp_" + CANARY + "0123456789abcdefghijklmnopqr"]},
        {"url": f"http://127.0.0.1/mcp?key={CANARY}", "headers": {"Authorization": CANARY}},
        {"url": f"http://127.0.0.1/s/{CANARY}Zq81Lk0PwY7mNbVcXa93Jd/mcp"},
        {"command": "x", "args": ["mcp-remote", f"https://example.org/s/{CANARY.lower()}0k3jf83kdjf93kfj39/mcp"]},
        {"command": "x", "oauth": {"secret": CANARY}, "note": CANARY},
    ],
)
def test_no_secret_of_an_entry_is_shown(entry: dict[str, object]) -> None:
    assert CANARY.lower() not in _difference(json.dumps({"mcpServers": {"s": entry}}, indent=1)).lower()


def test_neither_a_comment_nor_anything_else_of_the_file_is_shown() -> None:
    account = f'"account": "{CANARY}", "pin": 1234567, /* {CANARY}\n {CANARY} */'
    text = f'{{\n// {CANARY}\n{account}\n"mcpServers": {{"s": {{"command": "x"}}}}}}'
    found = _difference(text)
    assert "triptych-gateway" in found
    assert CANARY not in found
    assert "1234567" not in found


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_hidden_keeps_its_line(shape: str) -> None:
    text = (GOLDEN / f"{shape}.json").read_text()
    assert len(shown(text).splitlines()) == len(text.splitlines())


def test_commands_arguments_and_addresses_are_shown() -> None:
    found = _difference((GOLDEN / "claude_code_project.json").read_text())
    assert '-      "command": "uvx",' in found
    assert '"mcp-server-git", "--repository", "${PWD}"' in found
    assert '-      "url": "https://api.example.com/mcp?***"' in found
    assert '+      "url": "http://127.0.0.1:8931/mcp?***"' in found


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    found = _difference('{"mcpServers": {"s": {"command": "\\u001b[2J\\u202ex"}}}')
    assert "\x1b" not in found
    assert "\u202e" not in found


@given(client_files())
def test_any_file_can_be_shown(text: str) -> None:
    assert _difference(text) is not None


def test_a_secret_in_an_upstream_is_not_shown_with_the_settings() -> None:
    text = f'[servers.s]\nupstream = "https://example.org/s/{CANARY.lower()}0k3jf83kdjf93kfj39/mcp"\nlisten = "a:1"\n'
    assert shown_settings(text) == '[servers.s]\nupstream = "https://example.org/s/***/mcp"\nlisten = "a:1"\n'
