"""Wrapping keeps every byte that is not about the gateway, twice is once, and unwrapping gives all of it back."""

from __future__ import annotations

import json
import tomllib

import pytest
from client_files import GOLDEN, LAUNCHER, SHAPES, SOCKETS, client_files
from hypothesis import given

from triptych.producers.gateway.adoption.errors import ClientFileError
from triptych.producers.gateway.adoption.routes import Routes, added
from triptych.producers.gateway.adoption.wrapping import Outcome, Rewriting, look, unwrap, wrap


def _routes(toml: str = "") -> Routes:
    return Routes(tomllib.loads(toml), SOCKETS)


def _wrapped(text: str, *names: str, force: bool = False) -> tuple[Rewriting, str]:
    """The file, and the gateway's settings that go with it."""
    routes = _routes()
    done = wrap(text, LAUNCHER, routes, names, force=force)
    return done, added("", routes.new.values())


def _states(outcomes: tuple[Outcome, ...]) -> dict[str, str]:
    return {outcome.name: outcome.state for outcome in outcomes}


def _one(entry: object, name: str = "s") -> str:
    return json.dumps({"mcpServers": {name: entry}})


@pytest.mark.parametrize("shape", SHAPES)
def test_each_clients_file_is_wrapped_as_recorded(shape: str) -> None:
    done, toml = _wrapped((GOLDEN / f"{shape}.json").read_bytes().decode())
    assert done.text == (GOLDEN / f"{shape}.wrapped.json").read_bytes().decode()
    assert toml == (GOLDEN / f"{shape}.gateway.toml").read_text()


@pytest.mark.parametrize("shape", SHAPES)
def test_each_clients_file_comes_back_byte_for_byte(shape: str) -> None:
    before = (GOLDEN / f"{shape}.json").read_bytes().decode()
    done, toml = _wrapped(before)
    assert done.text != before
    assert unwrap(done.text, _routes(toml)).text == before


@given(client_files())
def test_unwrapping_undoes_wrapping(text: str) -> None:
    done, toml = _wrapped(text)
    assert unwrap(done.text, _routes(toml)).text == text


@given(client_files())
def test_two_wraps_equal_one(text: str) -> None:
    done, toml = _wrapped(text)
    again = wrap(done.text, LAUNCHER, _routes(toml))
    assert (again.text, again.changed) == (done.text, False)


@given(client_files())
def test_what_was_wrapped_is_seen_as_wrapped(text: str) -> None:
    done, toml = _wrapped(text, force=True)
    after = look(done.text, _routes(toml))
    assert [one.state == "wrapped" for one in after] == [one.state == "wrapped" for one in done.outcomes]


@given(client_files())
def test_a_file_without_wrapped_servers_is_left_as_it_is(text: str) -> None:
    done = unwrap(text, _routes())
    assert (done.text, done.changed) == (text, False)


def test_only_the_servers_that_were_named_are_wrapped() -> None:
    done, _ = _wrapped((GOLDEN / "claude_desktop.json").read_text(), "memory")
    assert _states(look(done.text, _routes())) == {"filesystem": "direct", "memory": "wrapped", "plain": "direct"}


def test_the_original_command_runs_behind_the_gateway_with_its_own_arguments() -> None:
    done, _ = _wrapped(_one({"command": "npx", "args": ["-y", "--", "pkg"], "env": {"A": "1"}}))
    assert json.loads(done.text)["mcpServers"]["s"] == {
        "command": LAUNCHER.program,
        "args": ["--config", LAUNCHER.config, "--server", "s", "--", "npx", "-y", "--", "pkg"],
        "env": {"A": "1"},
    }


def test_what_was_edited_meanwhile_stays() -> None:
    done, _ = _wrapped(_one({"command": "npx", "args": ["-y"]}))
    entry = json.loads(done.text)["mcpServers"]["s"]
    entry["args"] = [*["bunx" if one == "npx" else one for one in entry["args"]], "more"]
    entry["env"] = {"NEW": "1"}
    for indent in (None, 2):
        back = unwrap(json.dumps({"mcpServers": {"s": entry}}, indent=indent), _routes()).text
        assert json.loads(back)["mcpServers"]["s"] == {"command": "bunx", "args": ["-y", "more"], "env": {"NEW": "1"}}


def test_an_argument_added_where_there_was_none_stays() -> None:
    done, _ = _wrapped('{"mcpServers": {"s": {"command": "npx"}}}')
    back = unwrap(done.text.replace('"npx" ]', '"npx", "new",]'), _routes()).text
    assert back == '{"mcpServers": {"s": {"command": "npx", "args": [ "new",]}}}'.replace("[ ", "[")


def test_a_wrapper_written_by_hand_is_known() -> None:
    by_hand = _one({"command": "triptych", "args": ["gateway", "stdio", "--server", "s", "--", "npx", "-y"]})
    assert _states(look(by_hand, _routes())) == {"s": "wrapped"}
    assert json.loads(unwrap(by_hand, _routes()).text)["mcpServers"]["s"] == {"command": "npx", "args": ["-y"]}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"type": "http", "url": "https://mcp.example.org/mcp"}, "OAuth"),
        ({"url": "http://10.0.0.7/mcp"}, "OAuth"),
        ({"url": "http://127.0.0.1/mcp", "oauth": {"clientId": "x"}}, "OAuth"),
        ({"url": "https://ann:secret@example.org/"}, "cannot be split|can be split"),
        ({"url": "${BASE:-http://127.0.0.1}/mcp"}, "can be split"),
        ({"type": "ws", "url": "ws://127.0.0.1/mcp"}, "its type is none"),
        ({"type": "sdk", "name": "x"}, "neither command nor url"),
        ({"command": "a", "url": "http://127.0.0.1"}, "both command and url"),
        ({"command": ["npx"]}, "its command is no text"),
        ({"command": "npx", "args": "-y"}, "its args are no list"),
        ({"command": "npx", "args": [1]}, "its args are no list"),
        ({"command": "npx", "sandboxEnabled": True}, "sandbox"),
        ("npx", "it is no table"),
    ],
)
def test_an_entry_that_cannot_be_wrapped_is_left_alone_and_says_why(entry: object, reason: str) -> None:
    done, _ = _wrapped(_one(entry))
    assert (done.text, done.outcomes[0].state) == (_one(entry), "left alone")
    with pytest.raises(ClientFileError, match=reason) as caught:
        _wrapped(_one(entry), "s")
    assert caught.value.code == "G26"


def test_two_commands_in_one_entry_are_ambiguous() -> None:
    done, _ = _wrapped('{"mcpServers": {"s": {"command": "a", "command": "b"}}}')
    assert done.outcomes[0].reason == "it has two of command"


@pytest.mark.parametrize("name", ["", "-x", "a\nb", "\u202e", "\ud800"])
def test_a_name_that_cannot_be_an_argument_is_left_alone(name: str) -> None:
    assert _wrapped(_one({"command": "npx"}, name))[0].outcomes[0].state == "left alone"


def test_a_login_server_is_wrapped_where_it_is_forced() -> None:
    done, toml = _wrapped(_one({"url": "https://mcp.example.org/mcp"}), "s", force=True)
    assert json.loads(done.text)["mcpServers"]["s"]["url"] == "http://127.0.0.1:8931/mcp"
    assert tomllib.loads(toml)["servers"]["s"]["upstream"] == "https://mcp.example.org/mcp"


def test_a_sandbox_that_lets_the_spool_be_written_is_no_hindrance() -> None:
    rules = {"filesystem": {"allowWrite": ["/home/ann/.local/state"]}}
    entry = {"command": "npx", "sandboxEnabled": True, "sandbox": rules}
    assert _wrapped(_one(entry))[0].outcomes[0].state == "wrapped"


def test_a_url_of_another_server_with_the_same_port_is_not_ours() -> None:
    _, toml = _wrapped(_one({"url": "http://127.0.0.1:3000/mcp"}))
    other = _one({"url": "http://127.0.0.1:89310/mcp"})
    assert unwrap(other, _routes(toml)).text == other


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "one array"),
        ("{}", "it is empty"),
        ('{"name": "x", "packages": []}', "its names are name, packages"),
        ('{"servers": []}', "servers is no table of servers but one array"),
        ('{"mcpServers": {"a": {}, "a": {}}}', "names 1 server twice: a"),
        ("not json", "line 1, column 1"),
    ],
)
def test_a_file_of_no_known_shape_is_refused_with_what_it_holds(text: str, says: str) -> None:
    with pytest.raises(ClientFileError, match=says) as caught:
        _wrapped(text)
    assert caught.value.code == "G25"


def test_a_server_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ClientFileError, match=r"G26 there is no server tmie\n.*has time"):
        _wrapped(_one({"command": "uvx"}, "time"), "tmie")
