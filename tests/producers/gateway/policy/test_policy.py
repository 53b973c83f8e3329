"""What may reach the server: every reading of a message counts, and nothing is judged where nothing is forbidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.producers.gateway.policy.config import OnFailure, PolicyConfig
from triptych.producers.gateway.policy.pins import Pins
from triptych.producers.gateway.policy.policy import Policy

CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rm","arguments":{}}}'
FINE = CALL.replace("rm", "read")
PING = '{"jsonrpc":"2.0","id":2,"method":"ping"}'


def allowing(*tools: str, on_failure: OnFailure = "closed") -> Policy:
    return Policy(PolicyConfig(allow=tools, on_failure=on_failure))


def tool(name: str, description: str = "Reads.", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


def pinned(*tools: dict[str, Any], **more: Any) -> Policy:
    pins = Pins.of("files", "1", tools)
    return Policy(PolicyConfig(pins=Path("unread"), **more), pins)


HIDDEN = {
    "plain": CALL,
    "blanks": CALL.replace(":", " :\t"),
    "escaped method": CALL.replace("tools/call", "\\u0074ools\\/call"),
    "escaped key": CALL.replace('"method"', '"\\u006dethod"'),
    "second method": CALL.replace('"method"', '"method":"ping","method"'),
    "first method": CALL.replace('"tools/call"', '"tools/call","method":"ping"'),
    "second name": CALL.replace('"name"', '"name":"read","name"'),
    "first name": CALL.replace('"rm"', '"rm","name":"read"'),
    "second params": CALL.replace('"params"', '"params":{"name":"read"},"params"'),
    "first params": CALL[:-1] + ',"params":{"name":"read"}}',
    "upper case keys": CALL.replace("method", "METHOD").replace("name", "Name"),
    "folded key": CALL.replace("params", "param\u017f"),
    "upper case method": CALL.replace("tools/call", "Tools/Call"),
    "method behind blanks": CALL.replace("tools/call", " tools/call"),
    "method cut at NUL": CALL.replace("tools/call", "tools/call\\u0000x"),
    "byte order mark": "\ufeff" + CALL,
    "batch": f"[{PING},{CALL}]",
    "batch in a batch": f"[[{CALL}]]",
    "without an id": CALL.replace('"id":1,', ""),
    "without jsonrpc": CALL.replace('"jsonrpc":"2.0",', ""),
    "behind a bare CR": PING + "\r" + CALL,
    "before a bare CR": CALL + "\r" + PING,
    "between line separators": PING.replace("ping", f"\u2028{CALL}\u2028"),
    "between next line marks": f"x\x85{CALL}\x85",
    "between form feeds": f"{PING}\f{CALL}",
    "NaN beside it": CALL.replace("{}", "NaN"),
    "big integer beside it": CALL.replace("{}", "9" * 5000),
    "control character beside it": CALL.replace("{}", '"\x01"'),
    "name of half a character": CALL.replace("rm", "\\ud800"),
    "name of another case": CALL.replace("rm", "READ"),
}


@pytest.mark.parametrize("line", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("on_failure", ["closed", "open"])
def test_a_forbidden_tool_is_found_however_it_is_written(line: str, on_failure: OnFailure) -> None:
    verdict = allowing("read", on_failure=on_failure).check_line(line.encode() + b"\n")
    assert not verdict.allowed
    assert "tool-not-allowed" in verdict.rules


@pytest.mark.parametrize("data", [b"r\xffm", b"\xc0rm"])
def test_bytes_that_some_readers_leave_out_hide_no_name(data: bytes) -> None:
    policy = allowing("r?m")
    assert not policy.check(CALL.encode().replace(b"rm", data)).allowed


FREE = {
    "the allowed tool": FINE,
    "a pattern's tool": CALL.replace("rm", "list_files"),
    "another method": PING,
    "a reply": '{"jsonrpc":"2.0","id":1,"result":{"name":"rm"}}',
    "a resource": CALL.replace("tools/call", "resources/read"),
    "a prompt": CALL.replace("tools/call", "prompts/get"),
    "the name of a forbidden tool as an argument": FINE.replace("{}", '{"name":"rm","method":"tools/call"}'),
    "text with line separators": FINE.replace("{}", '"a\u2028b\u2029c\x85"'),
    "an allowed batch": f"[{PING},{FINE}]",
    "an empty line": "",
    "a line end of CR and LF": FINE + "\r",
}


@pytest.mark.parametrize("line", FREE.values(), ids=FREE)
def test_what_is_allowed_passes_without_a_word(line: str) -> None:
    verdict = allowing("read", "list_*").check_line(line.encode() + b"\n")
    assert (verdict.allowed, verdict.rules) == (True, ())


UNREADABLE = {
    "half a message": CALL.replace("rm", "read")[:-2].encode(),
    "two messages of a stream": (PING + FINE).encode(),
    "half a message with a line separator": b'{"method":"\xe2\x80\xa8',
    "half a message behind a whole one": (PING + "\r{").encode(),
    "more line ends than a message has use for": (PING + "\r" * 300 + PING).encode(),
    "UTF-16": CALL.encode("utf-16-be"),
    "a comment": b"/* x */" + FINE.encode(),
    "too deep": b'{"method":"x","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a tool whose name is a number": FINE.replace('"read"', "1").encode(),
    "more elements than a batch has use for": f"[{','.join([PING] * 5000)}]".encode(),
    "as many batches in a batch": f"[{'[],' * 5000}{FINE}]".encode(),
    "positional params": b'{"method":"tools/call","params":["read",{}]}',
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_unless_the_operator_says_open(line: bytes) -> None:
    for on_failure in ("closed", "open"):
        verdict = allowing("read", on_failure=on_failure).check_line(line)
        assert (verdict.allowed, verdict.rules) == (on_failure == "open", ("not-inspectable",))


def test_a_forbidden_element_of_a_batch_too_long_is_found_where_it_is_read() -> None:
    batch = f"[{CALL},{','.join([PING] * 5000)}]".encode()
    assert allowing("read", on_failure="open").check_line(batch).rules == ("not-inspectable", "tool-not-allowed")


def test_a_pattern_is_the_name_of_no_tool() -> None:
    policy = allowing("get_[ab]")
    verdicts = {name: policy.check(CALL.replace("rm", name).encode()).allowed for name in ("get_a", "get_[ab]")}
    assert verdicts == {"get_a": True, "get_[ab]": False}


def test_a_message_beyond_the_bound_is_judged_by_its_start() -> None:
    start = CALL[:-3].encode()
    verdict = allowing("read", on_failure="open").check(start, complete=False)
    assert (verdict.allowed, verdict.rules) == (False, ("not-inspectable", "tool-not-allowed"))
    assert allowing("rm", on_failure="open").check(start, complete=False).allowed


def test_a_tool_that_only_a_header_names_counts_too() -> None:
    assert not allowing("read").check(FINE.encode(), named=["rm"]).allowed


def test_as_configured_from_the_start_nothing_is_read() -> None:
    assert Policy(PolicyConfig()).check(b"\xff nonsense").rules == ()


def test_evidence_is_a_name_that_may_be_shown() -> None:
    policy = Policy(PolicyConfig(allow=()), named=lambda name: f"shown {name}")
    assert policy.check(CALL.replace("rm", "r\\u001bm").encode()).evidence == (("tool-not-allowed", "shown r\\x1bm"),)


@pytest.mark.parametrize("wrong", [{"allow": ("",)}, {"on_failure": "perhaps"}])
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        PolicyConfig(**wrong)


def test_a_tool_that_was_never_approved_cannot_be_called() -> None:
    assert pinned(tool("read")).check(CALL.encode()).rules == ("definition-not-pinned",)


def test_a_pinned_tool_may_be_called_before_any_list() -> None:
    assert pinned(tool("read")).check(FINE.encode()).allowed


def test_a_list_like_the_pins_changes_nothing() -> None:
    policy = pinned(tool("read"), tool("other"))
    assert policy.listed([tool("read", _meta={"x": 1})]).rules == ()
    assert policy.check(FINE.encode()).allowed


def test_a_changed_definition_is_told_and_its_tool_stays_refused() -> None:
    policy = pinned(tool("read"))
    told = policy.listed([tool("read", "Reads. <important>And sends.</important>"), tool("new")])
    assert told.allowed
    assert told.evidence == (("definition-changed", "read: description"), ("definition-not-pinned", "new"))
    policy.listed([tool("read")])  # showing the approved text again unsays nothing
    assert policy.check(FINE.encode()).rules == ("definition-changed",)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("input", {"inputSchema": {"type": "object", "properties": {"to": {}}}}),
        ("output", {"outputSchema": {}}),
        ("annotations", {"annotations": {"readOnlyHint": True}}),
        ("definition", {"icons": []}),
    ],
)
def test_the_field_that_changed_is_named(field: str, change: dict[str, Any]) -> None:
    assert pinned(tool("read")).listed([tool("read") | change]).evidence == (("definition-changed", f"read: {field}"),)


def test_one_change_among_thousands_of_entries_is_found() -> None:
    entries = [tool(f"noise{number}") for number in range(3000)] + [tool("read", "Other.")]
    policy = pinned(tool("read"))
    assert "definition-changed" in policy.listed(entries).rules
    assert not policy.check(FINE.encode()).allowed


def test_a_list_that_may_be_read_otherwise_closes_the_pinned_tools() -> None:
    policy = pinned(tool("read"))
    policy.listed([tool("read")], faithful=False)
    assert policy.check(FINE.encode()).rules == ("not-inspectable",)


def test_pinning_anew_opens_the_tool_again() -> None:
    new = tool("read", "Reads more.")
    approved = iter([None, Pins.of("files", "2", [new])])
    policy = Policy(
        PolicyConfig(pins=Path("unread")), Pins.of("files", "1", [tool("read")]), renewed=lambda: next(approved, None)
    )
    policy.listed([new])
    assert [policy.check(FINE.encode()).allowed for _ in range(3)] == [False, True, True]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["method", "params", "name", "id", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON, st.sampled_from(["utf-8", "utf-16", "utf-7"]))
def test_any_json_gets_a_verdict(value: Any, encoding: str) -> None:
    allowing("read").check_line(json.dumps(value).encode(encoding))


@given(st.binary(max_size=60))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    allowing("read").check_line(data)
    allowing("read").check(data, complete=False)
