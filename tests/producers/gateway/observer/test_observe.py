"""What the gateway sees of a connection, in both eras of the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.clock import Now
from triptych.producers.gateway.observer.observe import CLIENT

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}, "roots": {"listChanged": True}},
        "clientInfo": {"name": "agent", "version": "3"},
    },
}
INITIALIZED = {
    "jsonrpc": "2.0",
    "id": 0,
    "result": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "files", "version": "9"}},
}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "agent", "version": "4"},
}
TRACE = "0af7651916cd43dd8448eb211c80319c"
Build = Callable[..., dict[str, Any]]


def test_a_legacy_handshake_tells_era_version_and_both_sides(watched: Any, call: Build) -> None:
    (asked,) = watched.client(INITIALIZE)
    (told,) = watched.server(INITIALIZED)
    (request,) = watched.client(call())
    assert (asked.era, asked.era_evidence, asked.protocol_version) == ("legacy", "initialize", "2025-11-25")
    assert (told.protocol_version, told.server.claimed_name, told.server.claimed_version) == (
        "2025-06-18",
        "files",
        "9",
    )
    assert (request.era, request.protocol_version) == ("legacy", "2025-06-18")
    assert (request.claimed_client, request.capabilities) == ("agent 3", ("roots", "sampling"))


def test_a_modern_request_tells_everything_itself(watched: Any, call: Build) -> None:
    (request,) = watched.client(call(meta=MODERN))
    assert (request.era, request.era_evidence, request.protocol_version) == ("modern", "_meta", "2026-07-28")
    assert (request.claimed_client, request.capabilities) == ("agent 4", ("elicitation",))


def test_a_reply_inherits_from_its_request(watched: Any, call: Build, answer: Build) -> None:
    (request,) = watched.client(call(7))
    (reply,) = watched.server(answer(7))
    for name in ("call_id", "correlation_id", "method", "tool", "conversation", "era"):
        assert getattr(reply, name) == getattr(request, name)
    assert (reply.kind, reply.is_error, reply.latency_ns) == ("response", False, reply.mono_ns - request.mono_ns)


def test_ids_of_different_json_types_are_different_calls(watched: Any, call: Build, answer: Build) -> None:
    number, text = watched.client(call(1), call("1"))
    (first,) = watched.server(answer("1"))
    (second,) = watched.server(answer(1))
    assert (number.jsonrpc_id, text.jsonrpc_id) == ("1", '"1"')
    assert (first.call_id, second.call_id) == (text.call_id, number.call_id)


def test_replies_out_of_order_find_their_calls(watched: Any, call: Build, answer: Build) -> None:
    requests = watched.client(call(1), call(2), call(3))
    replies = watched.server(answer(3), answer(1), answer(2))
    assert [reply.call_id for reply in replies] == [requests[2].call_id, requests[0].call_id, requests[1].call_id]


def test_the_trace_of_the_sender_correlates_and_an_own_one_is_minted_else(watched: Any, call: Build) -> None:
    meta = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    traced, untraced = watched.client(call(1, meta=meta), call(2))
    assert (traced.correlation_id, traced.trace_source) == (TRACE, "meta")
    assert traced.parent_span_id == "b7ad6b7169203331"
    assert (len(untraced.correlation_id), untraced.trace_source) == (32, "minted")


@pytest.mark.parametrize(
    "header", ["", "00-xyz", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE}-b7ad6b7169203331-01", 7]
)
def test_a_malformed_traceparent_is_an_anomaly_and_not_believed(watched: Any, call: Build, header: object) -> None:
    (request,) = watched.client(call(meta={"traceparent": header}))
    assert request.anomalies == ("traceparent-invalid",)
    assert request.trace_source == "minted"


def test_a_conversation_comes_from_baggage_and_else_from_the_process(watched: Any, call: Build) -> None:
    baggage = {"baggage": "other=1,gen_ai.conversation.id=chat%2D7;p=1"}
    one, same, other = watched.client(call(1, meta=baggage), call(2, meta=baggage), call(3))
    assert one.conversation == same.conversation != other.conversation
    assert (one.conversation_source, other.conversation_source) == ("baggage", "process")


def test_in_flight_lists_the_open_calls_and_the_own(watched: Any, call: Build, answer: Build) -> None:
    first, second = watched.client(call(1), call(2))
    watched.server(answer(1))
    (third,) = watched.client(call(3))
    assert first.in_flight == (first.call_id,)
    assert second.in_flight == (first.call_id, second.call_id)
    assert third.in_flight == (second.call_id, third.call_id)


def test_a_cancelled_call_is_no_longer_in_flight_but_its_late_reply_is_known(
    watched: Any, call: Build, answer: Build
) -> None:
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    first, cancelled, second = watched.client(call(1), cancel, call(2))
    (late,) = watched.server(answer(1))
    assert cancelled.call_id == late.call_id == first.call_id
    assert second.in_flight == (second.call_id,)
    assert late.anomalies == ()


def test_a_request_of_the_server_is_answered_by_the_client(watched: Any) -> None:
    (asked,) = watched.server({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
    (told,) = watched.client({"jsonrpc": "2.0", "id": 1, "result": {}})
    assert (asked.direction, told.direction) == ("server_to_client", "client_to_server")
    assert asked.call_id == told.call_id


def test_spans_are_the_offsets_in_the_pipe_of_their_direction(watched: Any, call: Build, answer: Build) -> None:
    one, two = watched.client(call(1), call(2))
    (reply,) = watched.server(answer(1))
    assert (one.span.inode, one.span.start, one.span.end) == (11, 0, one.size)
    assert (two.span.start, two.span.end) == (one.size, one.size + two.size)
    assert (reply.span.inode, reply.span.start) == (12, 0)


def test_errors_keep_their_code(watched: Any, call: Build) -> None:
    watched.client(call(1))
    (reply,) = watched.server({"jsonrpc": "2.0", "id": 1, "error": {"code": -31999, "message": "no"}})
    assert (reply.kind, reply.is_error, reply.error_code) == ("error", True, -31999)


def test_a_failed_tool_is_an_error_in_a_result(watched: Any, call: Build, answer: Build) -> None:
    watched.client(call(1))
    (reply,) = watched.server(answer(1, isError=True))
    assert (reply.kind, reply.is_error) == ("response", True)


OK = b'"jsonrpc":"2.0","method":"tools/call","params":{"name":"t"}'
INPUTS = [  # what servers do with each: research by measurement, see the gateway's README
    (b"malformed\n", "invalid", "invalid-json"),
    (b"{" + OK + b',"id":null}\n', "invalid", "id-null"),
    (b"{" + OK + b',"id":1.5}\n', "invalid", "id-type"),
    (b"{" + OK + b',"id":1.0}\n', "request", "id-type"),
    (b"{" + OK + b',"id":[1]}\n', "invalid", "id-type"),
    (b'{"id":1,' + OK + b',"id":2}\n', "request", "duplicate-key"),
    (b"{" + OK + b',"id":9007199254740993}\n', "request", "big-int"),
    (b"{" + OK + b',"id":1,"x":NaN}\n', "request", "nan"),
    (b"{" + OK + b',"id":1,"x":"\xff"}\n', "request", "invalid-utf8"),
    (b"\xef\xbb\xbf{" + OK + b',"id":1}\n', "invalid", "bom"),
    (b'{"id":1,"method":"tools/call"}\n', "invalid", "jsonrpc-version"),
    (b"{" + OK + b',"id":1} {}\n', "invalid", "trailing-data"),
    (b'"text"\n', "invalid", "no-object"),
]


@pytest.mark.parametrize(("line", "kind", "anomaly"), INPUTS, ids=[anomaly + "-" + kind for _, kind, anomaly in INPUTS])
def test_every_odd_line_is_an_event_that_names_the_oddity(watched: Any, line: bytes, kind: str, anomaly: str) -> None:
    (event,) = watched.client(line)
    assert (event.kind, event.anomalies) == (kind, (anomaly,))
    assert event.size == len(line)


def test_both_messages_around_a_bare_carriage_return_are_calls(watched: Any) -> None:
    events = watched.client(b"{" + OK + b',"id":1}\r{' + OK + b',"id":2}\n')
    assert [(event.kind, event.jsonrpc_id, event.anomalies) for event in events] == [
        ("request", "1", ("bare-cr",)),
        ("request", "2", ("bare-cr",)),
    ]


def test_a_carriage_return_between_tokens_is_read_as_node_reads_it(watched: Any) -> None:
    events = watched.client(b"{" + OK + b',\r"id":1}\n')
    assert [(event.kind, event.jsonrpc_id) for event in events] == [
        ("invalid", None),
        ("invalid", None),
        ("request", "1"),
    ]


def test_each_element_of_a_batch_is_a_message(watched: Any) -> None:
    events = watched.client(b"[{" + OK + b',"id":1},{' + OK + b',"id":2}]\n')
    assert [(event.kind, event.jsonrpc_id, event.anomalies) for event in events] == [
        ("request", "1", ("batch",)),
        ("request", "2", ("batch",)),
    ]


def test_the_last_line_without_an_end_is_a_request_that_some_servers_run(watched: Any) -> None:
    assert watched.client(b"{" + OK + b',"id":1}') == []
    (event,) = watched.end()
    assert (event.kind, event.anomalies) == ("request", ("no-final-newline",))


def test_an_oversize_request_still_has_its_method(watch: Any) -> None:
    line = b"{" + OK + b',"id":1,"x":"' + b"a" * 1000 + b'"}\n'
    (event,) = watch(bound=500).client(line)
    assert (event.kind, event.method, event.anomalies) == ("request", "tools/call", ("oversize",))
    assert (event.inspected, event.size) == (500, len(line))


@pytest.mark.parametrize("body", [b'"id":1,"result":{"a":"%b"}', b'"result":{"a":"%b"},"jsonrpc":"2.0","id":1'])
def test_an_oversize_reply_ends_its_call_wherever_its_id_stands(watch: Any, call: Build, body: bytes) -> None:
    watched = watch(bound=500)
    (request,) = watched.client(call(1))
    (reply,) = watched.server(b'{"jsonrpc":"2.0",' + body % (b"a" * 20_000) + b"}\n")
    assert (reply.kind, reply.call_id, reply.anomalies) == ("response", request.call_id, ("oversize",))
    assert watched.observer.close() == []


def test_replies_nobody_asked_for_are_named(watched: Any, call: Build, answer: Build) -> None:
    watched.client(call(1))
    replies = watched.server(answer(1), answer(1), answer(5))
    assert [reply.anomalies for reply in replies] == [(), ("duplicate-response",), ("unknown-response-id",)]


def test_an_id_in_use_twice_is_named_and_both_replies_are_known(watched: Any, call: Build, answer: Build) -> None:
    first, second = watched.client(call(1), call(1))
    replies = watched.server(answer(1), answer(1))
    assert second.anomalies == ("id-in-use",)
    assert [reply.call_id for reply in replies] == [first.call_id, second.call_id]


def test_text_on_stdout_that_is_no_message_is_the_servers_fault(watched: Any) -> None:
    (event,) = watched.server(b"Listening on port 80\n")
    assert event.anomalies == ("invalid-json", "stdout-not-json")


def test_events_are_numbered_and_say_what_was_lost_before_them(watched: Any, call: Build) -> None:
    watched.client(call(1))
    watched.describer.lost()
    (event,) = watched.client(call(2))
    (after,) = watched.client(call(3))
    assert [(event.sequence, event.lost_before), (after.sequence, after.lost_before)] == [(2, 1), (3, 0)]


def test_names_are_cleaned_and_capped(watched: Any, call: Build) -> None:
    (event,) = watched.client(call(1, tool="evil\x1b[2J\u202e" + "x" * 500))
    assert event.tool is not None
    assert event.tool.isprintable()
    assert len(event.tool) <= 128


PIECES = st.sampled_from(
    [
        b"{" + OK + b',"id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b"\n",
        b"\r",
        b"[",
        b"{}",
        b"\xff",
        b'"',
        b"1,",
        b"\\u",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=20), max_size=20), st.booleans())
def test_the_observer_never_raises(watch: Any, pieces: list[bytes], from_server: bool) -> None:
    watched = watch(bound=200)
    events: list[ProtocolEvent] = []
    for piece in pieces:
        events += watched.server(piece) if from_server else watched.client(piece)
    events += watched.end()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


def test_lines_without_a_character_are_counted_in_the_next_message(watched: Any) -> None:
    assert watched.client(b"\n\r\n\n") == []
    (event,) = watched.client({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert [(one.about, one.detail) for one in event.evidence] == [("blank-line", "3 before it")]
    assert event.span.start == 4


def test_the_last_of_the_blank_lines_that_end_a_stream_is_told(watched: Any) -> None:
    assert watched.client(b"\n\n\n") == []
    (event,) = watched.end()
    assert event.anomalies == ("blank-line", "invalid-json")
    assert [(one.about, one.detail) for one in event.evidence] == [("blank-line", "2 before it")]


def test_of_a_flood_of_elements_only_what_starts_or_ends_a_call_is_read(watched: Any) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}
    batch = json.dumps([{}] * 400 + [call] + [{}] * 7).encode() + b"\n"
    messages = watched.observer.read(CLIENT, batch, Now(1, 1))
    assert (len(messages), messages[-1].begins is not None) == (257, True)
    assert sum(message.unsaid for message in messages) == 400 - 256 + 7
