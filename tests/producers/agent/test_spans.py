"""Spans to events: names and counts stay, words do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from triptych.models.digest import Keyring
from triptych.models.wire import bundled
from triptych.producers import conversation
from triptych.producers.agent.prompts import event_texts, prompt_digests, prompt_texts
from triptych.producers.agent.spans import Mapper, Origin
from triptych.producers.gateway.observer.meta import read_meta

Export = Callable[..., Any]
CANARY = "CANARY91ab"
DETAILS = "gen_ai.client.inference.operation.details"


@pytest.fixture
def mapper(origin: Origin, keyring: Keyring) -> Mapper:
    return Mapper(origin, keyring)


def test_a_genai_span_keeps_its_names_ids_and_counts(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": "planner",
        "gen_ai.agent.id": "a-1",
        "gen_ai.tool.name": "read",
        "gen_ai.tool.call.id": "call-1",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 12,
        "error.type": "timeout",
    }
    (span,) = mapper.map(export(attributes, status={"code": 2}).resource_spans).spans
    assert (span.operation, span.agent, span.agent_id, span.tool, span.model) == ("chat", "planner", "a-1", "read", "m")
    assert (span.input_tokens, span.output_tokens, span.service) == (11, 12, "assistant")
    assert (span.is_error, span.error_type, span.started_ns, span.ended_ns) == (True, "timeout", 5, 9)
    assert span.correlation_id == span.trace_id == "000102030405060708090a0b0c0d0e0f"
    assert span.tool_call_id == keyring.digest("call-1")


def test_a_conversation_is_the_one_the_gateway_names(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    (span,) = mapper.map(
        export({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "chat-7"}).resource_spans
    ).spans
    seen = read_meta({"_meta": {"baggage": "gen_ai.conversation.id=chat%2D7"}}).conversation
    assert seen is not None
    assert span.conversation == conversation.of_conversation_id(keyring, seen)


def test_spans_of_other_kinds_are_ignored_and_counted(mapper: Mapper, export: Export) -> None:
    outcome = mapper.map(export({"http.request.method": "GET"}).resource_spans)
    assert (outcome.spans, outcome.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"short"}, "invalid trace_id"),
        ({"trace_id": bytes(16)}, "invalid trace_id"),
        ({"span_id": bytes(8)}, "invalid span_id"),
        ({"end_time_unix_nano": 1}, "end before start"),
        ({"start_time_unix_nano": 2**64 - 1}, "time out of range"),
    ],
)
def test_a_span_that_breaks_the_rules_is_rejected_with_its_reason(
    mapper: Mapper, export: Export, fields: dict[str, Any], reason: str
) -> None:
    outcome = mapper.map(export({"gen_ai.operation.name": "chat"}, **fields).resource_spans)
    assert (outcome.spans, outcome.rejected) == ([], {reason: 1})


def test_a_span_sent_twice_has_one_event_id(mapper: Mapper, export: Export) -> None:
    request = export({"gen_ai.operation.name": "chat"})
    first, second = mapper.map(request.resource_spans).spans + mapper.map(request.resource_spans).spans
    assert first.event_id == second.event_id
    assert (first.sequence, second.sequence) == (1, 2)


def messages(*parts: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in parts])


def test_what_the_user_said_is_found_again_by_digest(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    said = messages(("user", "Please read /etc/app.toml and post it to evil.test"))
    (span,) = mapper.map(export({"gen_ai.operation.name": "chat", "gen_ai.input.messages": said}).resource_spans).spans
    assert {keyring.digest("/etc/app.toml"), keyring.digest("evil.test")} <= set(span.prompt_digests)


def said(keyring: Keyring, attributes: dict[str, Any]) -> tuple[str, ...]:
    return prompt_digests(prompt_texts(attributes), keyring)


def test_what_tools_and_models_said_is_no_prompt(keyring: Keyring) -> None:
    spoken = messages(("tool", "/etc/shadow"), ("assistant", "evil.test"))
    assert said(keyring, {"gen_ai.input.messages": spoken, "gen_ai.output.messages": spoken}) == ()


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": messages(("system", "report to ops@app.test"))},
        {"gen_ai.input.messages": messages(("user", "report to ops@app.test"))},
        {"gen_ai.input.messages": [{"role": "user", "content": "report to ops@app.test"}]},
        {"gen_ai.input.messages": [{"role": "user", "content": [{"type": "text", "text": "to ops@app.test"}]}]},
        {"gen_ai.system_instructions": "report to ops@app.test"},
        {"gen_ai.system_instructions": json.dumps([{"type": "text", "content": "report to ops@app.test"}])},
    ],
)
def test_users_and_operators_are_heard_however_the_runtime_writes(keyring: Keyring, attributes: dict[str, Any]) -> None:
    assert keyring.digest("ops@app.test") in said(keyring, attributes)


def test_what_a_prompt_quotes_is_one_value(keyring: Keyring) -> None:
    digests = prompt_digests(['Send "Rent for May" to ann'], keyring)
    assert keyring.digest("Rent for May") in digests


@pytest.mark.parametrize(
    ("name", "attributes", "body"),
    [
        (
            "gen_ai.client.inference.operation.details",
            {"gen_ai.input.messages": messages(("user", "to evil.test"))},
            None,
        ),
        ("gen_ai.client.inference.operation.details", {}, {"gen_ai.system_instructions": "to evil.test"}),
        ("gen_ai.user.message", {}, {"content": "to evil.test"}),
        ("gen_ai.user.message", {}, "to evil.test"),
        ("gen_ai.system.message", {"content": "to evil.test"}, None),
    ],
)
def test_events_tell_of_prompts_too(keyring: Keyring, name: str, attributes: dict[str, Any], body: object) -> None:
    assert keyring.digest("evil.test") in prompt_digests(event_texts(name, attributes, body), keyring)


@pytest.mark.parametrize("name", ["gen_ai.assistant.message", "gen_ai.tool.message", "gen_ai.choice", "exception"])
def test_events_of_others_are_no_prompt(name: str) -> None:
    assert [*event_texts(name, {"content": CANARY}, {"content": CANARY})] == []


def test_of_a_long_prompt_the_names_are_kept_before_the_words(keyring: Keyring) -> None:
    words = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600))
    digests = prompt_digests([f"{words} /etc/app.toml"], keyring)
    assert len(digests) == 256
    assert keyring.digest("/etc/app.toml") in digests


ODD = st.none() | st.text(max_size=9) | st.integers()


@given(st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)))
def test_odd_prompts_are_no_error(keyring: Keyring, odd: Any) -> None:
    told = {"gen_ai.input.messages": odd, "gen_ai.system_instructions": odd}
    texts = [*prompt_texts(told), *event_texts("gen_ai.user.message", told, odd)]
    assert len(prompt_digests(texts, keyring)) <= 256


def test_a_span_hears_its_own_events(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    request = export({"gen_ai.operation.name": "chat"})
    event = request.resource_spans[0].scope_spans[0].spans[0].events.add(name="gen_ai.user.message")
    event.attributes.add(key="content").value.string_value = "read /etc/app.toml"
    (span,) = mapper.map(request.resource_spans).spans
    assert keyring.digest("/etc/app.toml") in span.prompt_digests


def logged(text: str, **fields: Any) -> Any:
    """An export of one log record of the inference details."""
    request = ExportLogsServiceRequest()
    values = {"trace_id": bytes(range(16)), "span_id": bytes(range(8, 16)), "time_unix_nano": 7}
    named = {"event_name": DETAILS}
    record = request.resource_logs.add().scope_logs.add().log_records.add(**{**values, **named, **fields})
    record.attributes.add(key="gen_ai.input.messages").value.string_value = messages(("user", text))
    return request.resource_logs


def test_a_log_record_is_a_span_of_its_own_below_the_one_it_speaks_of(mapper: Mapper, keyring: Keyring) -> None:
    (span,), (again,) = (mapper.map_logs(logged("read /etc/app.toml")).spans for _ in range(2))
    assert keyring.digest("/etc/app.toml") in span.prompt_digests
    assert span.correlation_id == bytes(range(16)).hex()
    assert span.parent_span_id == bytes(range(8, 16)).hex() != span.span_id
    assert (span.event_id, span.span_id) == (again.event_id, again.span_id)


@pytest.mark.parametrize(
    ("fields", "rejected", "ignored"),
    [
        ({"trace_id": b""}, {"invalid trace_id": 1}, 0),
        ({"span_id": b"abc"}, {"invalid span_id": 1}, 0),
        ({"time_unix_nano": 2**64 - 1}, {"time out of range": 1}, 0),
        ({"event_name": "exception"}, {}, 1),
    ],
)
def test_a_log_record_without_a_place_or_a_prompt_is_counted(
    mapper: Mapper, fields: dict[str, Any], rejected: dict[str, int], ignored: int
) -> None:
    outcome = mapper.map_logs(logged("read /etc/app.toml", **fields))
    assert (outcome.spans, outcome.rejected, outcome.ignored) == ([], rejected, ignored)


def test_no_word_of_a_log_record_leaves(mapper: Mapper) -> None:
    request = logged(f"{CANARY} please", body={"string_value": CANARY})
    (span,) = mapper.map_logs(request).spans
    assert CANARY.encode() not in bundled().encode(span)


def test_no_prompt_output_or_argument_leaves(mapper: Mapper, export: Export) -> None:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.input.messages": messages(("user", f"{CANARY} please")),
        "gen_ai.output.messages": messages(("assistant", CANARY)),
        "gen_ai.tool.call.arguments": CANARY,
        "gen_ai.tool.call.result": CANARY,
        "gen_ai.system_instructions": CANARY,
        "gen_ai.conversation.id": CANARY,
        "gen_ai.tool.call.id": CANARY,
    }
    (span,) = mapper.map(export(attributes).resource_spans).spans
    assert CANARY.encode() not in bundled().encode(span)


def test_hostile_names_are_cleaned(mapper: Mapper, export: Export) -> None:
    (span,) = mapper.map(export({"gen_ai.operation.name": "chat"}, name="\x1b[2J" + "x" * 500).resource_spans).spans
    assert span.name.isprintable()
    assert len(span.name) <= 128
