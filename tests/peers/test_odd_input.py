"""What real servers make of input on which parsers disagree: the same with the gateway before them, and as we believe.

Answered, left unanswered or executed: the gateway's anomalies speak of exactly these differences.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE_S
from peers.catalogue import SERVERS, Place

pytestmark = pytest.mark.peers

HELLO = (
    b'{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"odd","version":"1"}}}\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)
MARK = b'{"jsonrpc":"2.0","id":"mark-%d","method":"tools/list","params":{}}\n'
DEEP = b"[" * 5000 + b"]" * 5000
# What the answers of a run are told apart by: an id that only this input has.
INPUTS = {
    "malformed": b'{"jsonrpc":"2.0","id":"a",\n',
    "batch": b'[{"jsonrpc":"2.0","id":"b","method":"tools/list"}]\n',
    "id null": b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}\n',
    "id fraction": b'{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}\n',
    "duplicate id": b'{"jsonrpc":"2.0","id":"first","id":"last","method":"tools/list"}\n',
    "duplicate method": b'{"jsonrpc":"2.0","id":"dm","method":"nothing/here","method":"tools/list"}\n',
    "escaped method": b'{"jsonrpc":"2.0","id":"esc","method":"tools/l\\u0069st"}\n',
    "big id": b'{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list"}\n',
    "NaN": b'{"jsonrpc":"2.0","id":"nan","method":"tools/list","params":{"x":NaN}}\n',
    "invalid UTF-8": b'{"jsonrpc":"2.0","id":"utf","method":"tools/list","params":{"x":"\xff"}}\n',
    "byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":"bom","method":"tools/list"}\n',
    "no jsonrpc": b'{"id":"njr","method":"tools/list"}\n',
    "bare CR": b'{"jsonrpc":"2.0","id":"cr","method":"ping"}\r{"jsonrpc":"2.0","id":"lf","method":"tools/list"}\n',
    "3 MB": b'{"jsonrpc":"2.0","id":"3mb","method":"tools/list","params":{"x":"' + b"a" * 3_000_000 + b'"}}\n',
    "deep": b'{"jsonrpc":"2.0","id":"deep","method":"tools/list","params":{"x":' + DEEP + b"}}\n",
    "unknown tool": b'{"jsonrpc":"2.0","id":"unk","method":"tools/call","params":{"name":"nope","arguments":{}}}\n',
    "unknown method": b'{"jsonrpc":"2.0","id":"vnd","method":"vendor/thing","params":{}}\n',
}
# By SDK: a server of ours on mcp 2, sqlite on mcp 1, everything on the TypeScript SDK 1, and one on 2.
PEERS = ("triptych-everything", "sqlite", "everything", "typescript-2")
PYTHON = frozenset({"triptych-everything", "sqlite"})


class Conversation:
    """Raw bytes to a server and back."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.heard = b""

    def say(self, sent: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(sent)

    def until(self, wanted: bytes) -> bytes:
        """What came since the last call, up to the line with `wanted`."""
        assert self._process.stdout
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.heard or not self.heard.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            assert chunk, f"waited for {wanted!r}"
            self.heard += chunk
        came, self.heard = self.heard, b""
        return came

    def end(self) -> bytes:
        out, _ = self._process.communicate(timeout=PATIENCE_S)
        return self.heard + out


def answers(came: bytes) -> list[str]:
    """Every message but the mark's, as far as it tells what the server did, in an order that does not matter."""
    messages = [json.loads(line) for line in came.splitlines() if b'"mark-' not in line]
    return sorted(
        json.dumps([one.get("id"), one.get("method"), one.get("error", {}).get("code"), "result" in one])
        for one in messages
    )


def talk(command: list[str]) -> dict[str, list[str]]:
    """What a server answers to each input, told apart by a request behind it."""
    conversation = Conversation(command)
    conversation.say(HELLO)
    conversation.until(b'"hello"')
    found = {}
    for number, (name, sent) in enumerate(INPUTS.items()):
        conversation.say(sent + MARK % number)
        found[name] = answers(conversation.until(b'"mark-%d"' % number))
    conversation.end()
    return found


def ended(command: list[str]) -> list[str]:
    """What a server answers to a last message without a line end."""
    conversation = Conversation(command)
    conversation.say(HELLO)
    conversation.until(b'"hello"')
    conversation.say(b'{"jsonrpc":"2.0","id":"end","method":"tools/list"}')
    return answers(conversation.end())


def agree(ours: Callable[[int], list[str]], theirs: Callable[[int], list[str]]) -> bool:
    """Whether both do the same at some time: at the end of their input Python servers race to answer before they go."""
    seen_ours: list[list[str]] = []
    seen_theirs: list[list[str]] = []
    for number in range(8):
        seen_ours.append(ours(number))
        seen_theirs.append(theirs(number))
        if any(one in seen_theirs for one in seen_ours):
            return True
    return False


def early(command: list[str]) -> list[str]:
    """What a server answers to a call before any handshake."""
    conversation = Conversation(command)
    conversation.say(b'{"jsonrpc":"2.0","id":"early","method":"tools/call","params":{"name":"echo","arguments":{}}}\n')
    conversation.say(HELLO)
    return answers(conversation.until(b'"hello"') + conversation.end())


def gateway(folder: Path) -> list[str]:
    return [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(folder), "--"]


@pytest.mark.parametrize("peer", PEERS)
def test_a_server_does_the_same_behind_the_gateway(peer: str, place: Place, tmp_path: Path) -> None:
    command = SERVERS[peer].command(place)
    assert talk([*gateway(tmp_path / "a"), *command]) == talk(command)
    assert agree(lambda n: ended([*gateway(tmp_path / f"b{n}"), *command]), lambda _: ended(command))
    assert agree(lambda n: early([*gateway(tmp_path / f"c{n}"), *command]), lambda _: early(command))


@pytest.mark.parametrize("peer", PEERS)
def test_servers_still_differ_as_the_observer_assumes(peer: str, place: Place) -> None:
    """When one of these fails, a server learned to read otherwise, and what counts as executed must follow."""
    found = talk(SERVERS[peer].command(place))
    executed = {name for name, told in found.items() if any(json.loads(one)[3] for one in told)}
    both = {"duplicate id", "duplicate method", "escaped method", "invalid UTF-8", "3 MB"}
    assert both <= executed
    assert executed.isdisjoint({"malformed", "batch", "id null", "id fraction", "byte order mark", "no jsonrpc"})
    python_only = {"bare CR", "NaN", "big id"}
    assert executed & {*python_only, "deep"} == (python_only if peer in PYTHON else {"deep"})
    assert [json.loads(one)[0] for one in found["bare CR"]] == (["cr", "lf"] if peer in PYTHON else [])
    assert [json.loads(one)[0] for one in found["duplicate id"]] == ["last"]
    assert ("end" in str(ended(SERVERS[peer].command(place)))) == (peer in PYTHON)
