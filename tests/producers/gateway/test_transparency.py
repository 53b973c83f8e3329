"""What other proxies rewrote, dropped or answered themselves arrives unchanged, in both directions, and is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE_S

from triptych.models.events import ProtocolEvent

Spooled = Callable[[], list[ProtocolEvent]]

# Takes exactly what it is to be sent, then says its part, then waits for the end.
RECORDER = """
import os, sys
from pathlib import Path
wanted, seen, says = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
heard = b""
while chunk := os.read(0, 1 << 16):
    heard += chunk
    if len(heard) >= wanted and says.exists():
        reply = says.read_bytes()
        says.unlink()
        while reply:
            reply = reply[os.write(1, reply):]
seen.write_bytes(heard)
"""
HELLO = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    b'"clientInfo":{"name":"plain","version":"0.9"}}}\n'
)
WELCOME = (
    b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},'
    b'"serverInfo":{"name":"s","version":"1"}}}\n'
)
TRACE = b'"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"'
CALL = b'{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"echo","arguments":{}}}\n'
DONE = b'{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\n'
DEEP = b"[" * 5000 + b"]" * 5000

# What is said, by whom, and the anomalies it must be known by; research/mcp.md has who lost it.
FROM_CLIENT: dict[str, tuple[bytes, set[str]]] = {
    "identity and capabilities": (HELLO, set()),
    "a text as id": (CALL % b'"abc"', set()),
    "unknown top-level members": (b'{"jsonrpc":"2.0","id":1,"method":"ping","vendor":{"x":[1]}}\n', set()),
    "unknown params members": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"vendor":1}}\n', set()),
    "trace and vendor keys": (
        b'{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"_meta":{' + TRACE + b',"v.test/k":1}}}\n',
        set(),
    ),
    "a vendor's method": (b'{"jsonrpc":"2.0","id":1,"method":"vendor/thing","params":{}}\n', set()),
    "blanks and key order": (b' { "params" : { } , "method" : "ping" , "id" : 1 , "jsonrpc" : "2.0" } \r\n', set()),
    "malformed": (b'{"jsonrpc":"2.0","id":1,\n', {"invalid-json"}),
    "an empty line": (b"\n", {"invalid-json"}),
    "a batch": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]\n', {"batch"}),
    "id null": (CALL % b"null", {"id-null"}),
    "a fraction as id": (CALL % b"1.5", {"id-type"}),
    "two ids": (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}\n', {"duplicate-key"}),
    "two methods": (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}\n', {"duplicate-key"}),
    "an escape in the method": (b'{"jsonrpc":"2.0","id":1,"method":"p\\u0069ng"}\n', set()),
    "a big id": (CALL % b"9007199254740993", {"big-int"}),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}\n', {"nan"}),
    "invalid UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\xff"}}\n', {"invalid-utf8"}),
    "a byte order mark": (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}\n', {"bom"}),
    "no jsonrpc": (b'{"id":1,"method":"ping"}\n', {"jsonrpc-version"}),
    "two messages joined by CR": (CALL.strip() % b"1" + b"\r" + CALL % b"2", {"bare-cr"}),
    "something behind the message": (b'{"jsonrpc":"2.0","id":1,"method":"ping"} {}\n', {"trailing-data"}),
    "three megabytes": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"' + b"a" * 3_000_000 + b'"}}\n',
        {"partly-scanned"},
    ),
    "five thousand levels": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + DEEP + b"}}\n", {"too-deep"}),
    "no line end": ((CALL % b"1").strip(), {"no-final-newline"}),
    "a broken traceparent": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"traceparent":"00-0-0-0"}}}\n',
        {"traceparent-invalid"},
    ),
}
FROM_SERVER: dict[str, tuple[bytes, set[str]]] = {
    "a definition with a vendor's members": (
        b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"inputSchema":{"type":"object","x-v":1},"name":"echo","v":{}}]}}\n',
        set(),
    ),
    "an error of its own": (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-31999,"message":"m","data":{"k":[1]}}}\n',
        set(),
    ),
    "a log message": (
        b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"a":1}}}\n',
        set(),
    ),
    "a changed list": (b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n', set()),
    "no JSON": (b"Server ready on stdout!\n", {"invalid-json", "stdout-not-json"}),
    "a reply to nothing": (DONE % b"77", {"unknown-response-id"}),
    "a second reply": (DONE % b"1" + DONE % b"1", {"duplicate-response"}),
}

# What one message shows by itself; signatures that judge it by what came before may add theirs.
OF_READING = {"oversize"}.union(*(names for _, names in (*FROM_CLIENT.values(), *FROM_SERVER.values())))


def passed(folder: Path, sent: bytes, said: bytes) -> tuple[bytes, bytes]:
    """What arrived at the server, and at the client."""
    (folder / "says").write_bytes(said)
    recorder = [sys.executable, "-c", RECORDER, str(len(sent)), str(folder / "seen"), str(folder / "says")]
    gateway = [sys.executable, "-m", "triptych.producers.gateway.stdio.main", "--spool", str(folder / "spool"), "--"]
    done = subprocess.run([*gateway, *recorder], input=sent, capture_output=True, timeout=PATIENCE_S, check=False)
    return (folder / "seen").read_bytes(), done.stdout


def anomalies(events: list[ProtocolEvent], direction: str) -> set[str]:
    return {name for event in events if event.direction == direction for name in event.anomalies}


@pytest.mark.parametrize("name", FROM_CLIENT)
def test_what_a_client_says_arrives_as_it_was_said(name: str, tmp_path: Path, spooled: Spooled) -> None:
    said, expected = FROM_CLIENT[name]
    sent = said if said == HELLO else HELLO + said
    assert passed(tmp_path, sent, WELCOME) == (sent, WELCOME)
    assert anomalies(spooled(), "client_to_server") & OF_READING == expected


@pytest.mark.parametrize("name", FROM_SERVER)
def test_what_a_server_says_arrives_as_it_was_said(name: str, tmp_path: Path, spooled: Spooled) -> None:
    said, expected = FROM_SERVER[name]
    sent = HELLO + b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
    assert passed(tmp_path, sent, WELCOME + said) == (sent, WELCOME + said)
    assert anomalies(spooled(), "server_to_client") & OF_READING == expected


def test_a_call_of_a_tool_that_is_not_listed_is_the_servers_to_answer(tmp_path: Path, spooled: Spooled) -> None:
    sent = HELLO + CALL.replace(b"echo", b"hidden") % b"1"
    refusal = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: hidden"}}\n'
    assert passed(tmp_path, sent, WELCOME + refusal) == (sent, WELCOME + refusal)
    assert [event.error_code for event in spooled() if event.kind == "error"] == [-32602]


def test_both_readings_of_a_joined_line_are_events(tmp_path: Path, spooled: Spooled) -> None:
    said, _ = FROM_CLIENT["two messages joined by CR"]
    passed(tmp_path, HELLO + said, WELCOME)
    assert [event.jsonrpc_id for event in spooled() if event.kind == "request" and event.tool] == ["1", "2"]
